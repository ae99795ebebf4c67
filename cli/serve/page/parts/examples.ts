import dog from '../examples/dog.webp';
import elephantAndSign from '../examples/elephant-and-sign.webp';
import fishAndCow from '../examples/fish-and-cow.webp';
import owlAndCat from '../examples/owl-and-cat.webp';
import penguins from '../examples/penguins.webp';
import rabbitAndDoughnut from '../examples/rabbit-and-doughnut.webp';

export interface Example {
  url: string;
  name: string;
  alt: string;
  /** Across, for each pixel down. */
  shape: number;
  /** What there is to find in it, and to ask about it. */
  labels: string[];
  questions: string[];
}

/** Scenes that the embedded model knows. */
export const EXAMPLES: Example[] = [
  {
    url: owlAndCat,
    name: 'owl-and-cat.webp',
    alt: 'An owl and a cat',
    shape: 3 / 2,
    labels: ['owl', 'cat'],
    questions: ['how many owls are there?', 'what color is the background?'],
  },
  {
    url: rabbitAndDoughnut,
    name: 'rabbit-and-doughnut.webp',
    alt: 'A rabbit and a doughnut',
    shape: 3 / 4,
    labels: ['rabbit', 'doughnut'],
    questions: ['is there a rabbit in the image?', 'what color is the background?'],
  },
  {
    url: fishAndCow,
    name: 'fish-and-cow.webp',
    alt: 'A fish and a cow',
    shape: 3 / 4,
    labels: ['fish', 'cow'],
    questions: ['how many fish are there?', 'is there a cow in the image?'],
  },
  {
    url: dog,
    name: 'dog.webp',
    alt: 'A dog',
    shape: 1,
    labels: ['dog'],
    questions: ['how many dogs are there?', 'what color is the background?'],
  },
  {
    url: penguins,
    name: 'penguins.webp',
    alt: 'Penguins',
    shape: 3 / 2,
    labels: ['penguin'],
    questions: ['how many penguins are there?', 'is there a frog in the image?'],
  },
  {
    url: elephantAndSign,
    name: 'elephant-and-sign.webp',
    alt: 'An elephant beside a sign with a number',
    shape: 3 / 2,
    labels: ['elephant'],
    questions: ['how many elephants are there?', 'what color is the background?'],
  },
];

export const exampleNamed = (name: string): Example | undefined => EXAMPLES.find((example) => example.name === name);

/** Whether names are those of an example, and not the user's own. */
export const areOfExample = (labels: string[]): boolean =>
  EXAMPLES.some((example) => example.labels.join() === labels.join());
