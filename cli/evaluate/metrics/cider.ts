import { words } from './python.js';
import { tokenizeLines } from './tokenize.js';

export interface CiderItem {
  caption: string;
  references: readonly string[];
}

export interface Cider {
  /** Mean of all items: the corpus score, not times 100. */
  score: number;
  /** One an item, 0 to 10. */
  each: number[];
}

/** Longest phrases that are counted. */
const LONGEST = 4;
const SIGMA = 6;

/** Phrases of one length with their weights. */
interface Vector {
  weights: Map<string, number>;
  norm: number;
}

/** A caption: a vector for each length, and how many phrases of two words it has, which is its length here. */
interface Weighed {
  vectors: Vector[];
  pairs: number;
}

/**
 * CIDEr-D of captions. A phrase of one to four words weighs `count * (log N - log max(1, df))`: N items, df those in whose
 * references it stands. An item's score is 10 times the mean, over references and lengths of phrases, of
 * `sum min(c, r) * r / (|c| |r|) * exp(-(difference of lengths)^2 / (2 * 6^2))`. With one item every weight, and the score, is 0.
 *
 * Source: Vedantam et al. 2015 (arXiv 1411.5726), as `cider_scorer.py` of coco-caption (pycocoevalcap) computes it.
 */
export function cider(items: readonly CiderItem[]): Cider {
  const captions = tokenizeLines(items.map(({ caption }) => caption));
  const references = tokenizeLines(items.flatMap((item) => item.references)).values();
  const phrased = items.map((item, i) => ({
    caption: phrases(captions[i] as string[]),
    references: item.references.map(() => phrases(references.next().value as string[])),
  }));
  const frequency = new Map<string, number>();
  for (const { references } of phrased)
    for (const phrase of new Set(references.flatMap((reference) => reference.flatMap((counts) => [...counts.keys()]))))
      frequency.set(phrase, (frequency.get(phrase) ?? 0) + 1);
  const all = Math.log(items.length);
  const weigh = (caption: Phrases): Weighed => ({
    vectors: caption.map((counts) => vector(counts, (phrase) => all - Math.log(frequency.get(phrase) ?? 1))),
    pairs: total(caption[1]?.values() ?? []),
  });
  const each = phrased.map(({ caption, references }) => {
    if (references.length === 0) return 0;
    const said = weigh(caption);
    return (10 * total(references.map((reference) => likeness(said, weigh(reference))))) / references.length;
  });
  return { score: each.length === 0 ? 0 : total(each) / each.length, each };
}

/** How often each phrase occurs, by length from one word on. */
type Phrases = Map<string, number>[];

function phrases(tokens: string[]): Phrases {
  const said = words(tokens.join(' ')); // some tokens have spaces that do not break
  return Array.from({ length: LONGEST }, (_, i) => {
    const counts = new Map<string, number>();
    for (let from = 0; from + i < said.length; from++) {
      const phrase = said.slice(from, from + i + 1).join(' ');
      counts.set(phrase, (counts.get(phrase) ?? 0) + 1);
    }
    return counts;
  });
}

function vector(counts: Map<string, number>, rarity: (phrase: string) => number): Vector {
  const weights = new Map([...counts].map(([phrase, count]) => [phrase, count * rarity(phrase)]));
  return { weights, norm: Math.sqrt(total([...weights.values()].map((weight) => weight * weight))) };
}

/** Mean over the lengths of phrases. */
function likeness(said: Weighed, reference: Weighed): number {
  const penalty = Math.exp(-((said.pairs - reference.pairs) ** 2) / (2 * SIGMA ** 2));
  const cosines = said.vectors.map(({ weights, norm }, i) => {
    const other = reference.vectors[i] as Vector;
    const product = total(
      [...weights].map(([phrase, weight]) => {
        const theirs = other.weights.get(phrase) ?? 0;
        return Math.min(weight, theirs) * theirs;
      }),
    );
    return norm === 0 || other.norm === 0 ? 0 : product / (norm * other.norm);
  });
  return (total(cosines) / LONGEST) * penalty;
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
