// The pictures of examples/images, in an order that seeds rest on.
export const PICTURES = [
  'owl-and-cat.png',
  'dog.jpg',
  'fish-and-cow.png',
  'penguins.jpg',
  'rabbit-and-doughnut.png',
  'book-and-pig.jpg',
];
