// Damage to JSON: to the tree, so that it stays JSON, or to its text.
import { damageBytes } from './bytes.mjs';
import { oddNumber, oddText } from './values.mjs';

/** Text to stand in the JSON as it is, which JSON.stringify would not write: huge numbers, keys that come twice. */
class Raw {
  constructor(text) {
    this.text = text;
  }
}

function write(tree) {
  const raw = [];
  const text = JSON.stringify(tree, (_, value) => {
    if (!(value instanceof Raw)) return value;
    raw.push(value.text);
    return `@raw${raw.length - 1}@`;
  });
  return text.replace(/"@raw(\d+)@"/g, (_, i) => raw[i]);
}

const isBranch = (value) => typeof value === 'object' && value !== null;

/** All places in a tree, as [branch, key]; lists longer than 64 by their ends and some between. */
function places(random, tree, found = []) {
  const keys = Object.keys(tree);
  const few = keys.length > 64 ? [...keys.slice(0, 8), ...keys.slice(-8), ...random.shuffled(keys).slice(0, 8)] : keys;
  for (const key of few) {
    found.push([tree, key]);
    if (isBranch(tree[key])) places(random, tree[key], found);
  }
  return found;
}

/** Any JSON value, odd ones first; numbers and texts near what was there. */
export function oddValue(random, now) {
  return random.weighted([
    [5, () => number(oddNumber(random, typeof now === 'number' ? now : 0))],
    [4, () => oddText(random, typeof now === 'string' ? now : '')],
    [1, () => null],
    [1, () => random.chance(0.5)],
    [1, () => []],
    [1, () => ({})],
    [1, () => [now ?? null, now ?? null]],
    [1, () => ({ [oddText(random)]: now ?? null })],
    [1, () => String(now)],
    [1, () => new Raw('1e999')],
    [1, () => new Raw('-123456789012345678901234567890')],
    [1, () => new Raw(`${'['.repeat(5000)}${']'.repeat(5000)}`)],
  ])();
}

const number = (value) => (Number.isFinite(value) ? value : new Raw(String(value).replace('Infinity', '1e999')));

function damageTree(random, tree) {
  const found = places(random, tree);
  if (found.length === 0) return 'nothing in it';
  const [branch, key] = random.pick(found);
  const isList = Array.isArray(branch);
  const kind = random.weighted([
    [6, 'change'],
    [3, 'remove'],
    [1, 'rename'],
    [1, 'add'],
    [1, 'swap'],
    [1, 'proto'],
  ]);
  if (kind === 'change') branch[key] = oddValue(random, branch[key]);
  else if (kind === 'remove') isList ? branch.splice(Number(key), 1) : delete branch[key];
  else if (kind === 'add')
    isList ? branch.push(oddValue(random, branch[0])) : Object.assign(branch, { [oddText(random, key)]: branch[key] });
  else if (kind === 'proto')
    Object.defineProperty(branch, '__proto__', {
      value: oddValue(random),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  else {
    const [other, place] = random.pick(found);
    if (kind === 'rename' && !isList) {
      branch[oddText(random, key)] = branch[key];
      delete branch[key];
    } else if (!isBranch(branch[key]) && !isBranch(other[place])) {
      [branch[key], other[place]] = [other[place], branch[key]];
    }
  }
  return `${kind} ${key.slice(0, 40)}`;
}

/** Gives a number of the tree another value. */
export function damageNumber(random, bytes) {
  const tree = JSON.parse(bytes.toString());
  const found = places(random, tree).filter(([branch, key]) => typeof branch[key] === 'number');
  if (found.length === 0) return damageJson(random, bytes);
  const [branch, key] = random.pick(found);
  branch[key] = number(oddNumber(random, branch[key]));
  return { bytes: Buffer.from(write(tree)), what: `${key} becomes ${branch[key].text ?? branch[key]}` };
}

const TEXTS = {
  'a BOM': (text) => `\ufeff${text}`,
  'nothing in it': () => '',
  null: () => 'null',
  'a list': (text) => `[${text}]`,
  'a text': (text) => JSON.stringify(text),
  'a comma at the end': (text) => text.replace(/}\s*$/, ',}'),
  'single quotes': (text) => text.replaceAll('"', "'"),
  'a key twice': (text) => text.replace(/^\{("[^"]*":)/, '{$1 7, $1'),
  NaN: (text) => text.replace(/\d+/, 'NaN'),
  deep: (text) => `{"a":${'{"a":'.repeat(20_000)}0${'}'.repeat(20_000)},${text.slice(1)}`,
  'another ending': (text) => `${text}\n${text}`,
};

/** JSON bytes with damage. @returns {{ bytes: Buffer, what: string }} */
export function damageJson(random, bytes, { treeShare = 0.75 } = {}) {
  if (random.chance(treeShare)) {
    const tree = JSON.parse(bytes.toString());
    const what = [];
    for (let i = random.pick([1, 1, 1, 2, 3]); i > 0; i--) what.push(damageTree(random, tree));
    return { bytes: Buffer.from(write(tree)), what: what.join(', ') };
  }
  if (random.chance(0.5)) return damageBytes(random, bytes);
  const what = random.pick(Object.keys(TEXTS));
  return { bytes: Buffer.from(TEXTS[what](bytes.toString())), what };
}
