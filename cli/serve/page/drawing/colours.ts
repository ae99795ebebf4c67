/** As `draw` of the library has them, so that both draw alike: Okabe and Ito's, without the dark ones. */
const COLOURS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#d55e00', '#cc79a7', '#0072b2'] as const;

export const MASK_OPACITY = 120;

/** Every label has its own. */
export function coloursOf(objects: { label: string }[]): (label: string) => string {
  const labels = [...new Set(objects.map(({ label }) => label))];
  return (label) => COLOURS[labels.indexOf(label) % COLOURS.length] as string;
}
