// Pictures of measurements.

/** Those of examples/images, in an order that seeds rest on. */
export const PICTURES = [
  'owl-and-cat.png',
  'dog.jpg',
  'fish-and-cow.png',
  'penguins.jpg',
  'rabbit-and-doughnut.png',
  'book-and-pig.jpg',
];

/** Noise of so many pixels a side, another for each seed. */
export const noise = (side, seed) => {
  let state = seed + 1;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  };
  return { data: Uint8Array.from({ length: side * side * 3 }, next), width: side, height: side, channels: 3 };
};
