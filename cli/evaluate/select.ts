// Which questions of a benchmark are asked.
import { invalid } from 'node-paligemma/support';
import type { Question } from './benchmark.js';
import { random } from './random.js';

export interface Selection {
  /** So many questions; groups stay whole. */
  limit?: number;
  /** Drawn by this seed, in place of the first ones. */
  sample?: number;
}

/** The chosen questions, in their order. @throws PaliGemmaError ERR_INVALID_ARGUMENT when there are none, or two with one id */
export async function select(
  questions: AsyncIterable<Question> | Iterable<Question>,
  { limit, sample }: Selection,
): Promise<Question[]> {
  const groups = new Map<string, Question[]>();
  const ids = new Set<string>();
  let count = 0;
  for await (const question of questions) {
    const { id, group = `\0${id}` } = question;
    if (ids.has(id)) throw invalid(`two questions have the id ${id}`);
    // Without a draw nothing is read that is not asked.
    if (limit !== undefined && sample === undefined && count >= limit && !groups.has(group)) break;
    ids.add(id);
    count++;
    const of = groups.get(group);
    if (of) of.push(question);
    else groups.set(group, [question]);
  }
  if (count === 0) throw invalid('there are no questions in these data');
  const all = [...groups.values()];
  return (limit === undefined || sample === undefined ? all : draw(all, limit, random(sample))).flat();
}

/** Groups at random until there are enough questions; what is drawn stays in order. */
function draw(groups: Question[][], limit: number, next: () => number): Question[][] {
  const places = groups.map((_, i) => i);
  const drawn = new Set<number>();
  let questions = 0;
  for (let i = 0; i < places.length && questions < limit; i++) {
    const at = i + Math.floor(next() * (places.length - i));
    const place = places[at] as number;
    places[at] = places[i] as number;
    drawn.add(place);
    questions += groups[place]?.length ?? 0;
  }
  return groups.filter((_, i) => drawn.has(i));
}
