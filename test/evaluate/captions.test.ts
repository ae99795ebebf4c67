// Captions against the tokenizer that caption evaluations call: `captions.json` holds what its lexer made of each.
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cider, tokenizeCaption } from '../../cli/evaluate/metrics/index.js';
import { tokenizeLines } from '../../cli/evaluate/metrics/tokenize.js';
import { FIXTURES, readJson } from '../helpers/fixtures.js';

const captions: { caption: string; tokens: string[] }[] = readJson(path.join(FIXTURES, 'evaluation', 'captions.json'));

test('a thousand captions are tokenised as by the reference', () => {
  expect(captions).toHaveLength(1000);
  expect(captions.map(({ caption }) => tokenizeCaption(caption))).toEqual(captions.map(({ tokens }) => tokens));
});

describe('the published rules', () => {
  test.each<[string, string]>([
    ['', ''],
    ['   \t ', ''],
    ['A man.', 'a man'],
    ["He can't, won't and didn't!", "he ca n't wo n't and did n't"],
    ['it’s the dog’s', "it 's the dog 's"],
    ["the boys' bikes", 'the boys bikes'],
    ["'tis, 'twas, cannot, gonna, gimme", "'t is 't was can not gon na gim me"],
    ['a well-known T-shirt', 'a well-known t-shirt'],
    ['a (small) [red] {big} one', 'a -lrb- small -rrb- -lsb- red -rsb- -lcb- big -rcb- one'],
    ['"stop" `go` “yes” «no»', 'stop go yes no'],
    ['3,000 sheep, $5.00, 50%, 5:30', '3,000 sheep $ 5.00 50 % 5:30'],
    ['1/2 and ½ cup', '1/2 and 1/2 cup'],
    ['2 1/2 cups', '2\xa01/2 cups'],
    ['£5, €6, 7¢', '# 5 $ 6 7 cents'],
    ['Mr. Smith of the U.S. at 5 p.m.', 'mr. smith of the u.s. at 5 p.m.'],
    ['the end...  -- or --- not -', 'the end or not'],
    ['what?! really', 'what ?! really'],
    ['me@example.com or www.example.com/a.html#b', 'me@example.com or www.example.com/a.html#b'],
    ['rock &amp; roll &lt; &nbsp;x', 'rock & roll < x'],
    ['a <b>bold</b> word', 'a <b> bold </b> word'],
    ['soft\xadhyphen', 'softhyphen'],
    ['猫。犬、鳥', '猫 。 犬 、 鳥'],
    ['बिल्ली मेज पर', 'बिल्ली मेज पर'],
    ['قطة على الطاولة', 'قطة على الطاولة'],
    ['a 😀 dog 𝒜', 'a dog'],
    ['constructor __proto__', 'constructor __ proto __'],
    ['two\nlines', 'two lines'],
  ])('%j', (caption, tokens) => {
    expect(tokenizeCaption(caption).join(' ')).toBe(tokens);
  });

  test('the next line decides on the full stop after a letter', () => {
    expect(tokenizeLines(['plan B.', 'A dog'])).toEqual([
      ['plan', 'b'],
      ['a', 'dog'],
    ]);
    expect(tokenizeLines(['plan B.', 'a dog'])[0]).toEqual(['plan', 'b.']);
    expect(tokenizeCaption('plan B.')).toEqual(['plan', 'b.']);
  });
});

describe('of any text', () => {
  const text = fc.string({ unit: 'binary' });

  test('tokens are lower case, not empty, and without what is left out', () => {
    fc.assert(
      fc.property(text, (caption) => {
        for (const token of tokenizeCaption(caption)) {
          expect(token).not.toBe('');
          expect(token).not.toContain(' ');
          expect(token).toBe(token.toLowerCase());
          expect(['.', ',', '?', '!', ':', ';', '-', '--', '...', "'", "''", '`', '``']).not.toContain(token);
        }
      }),
    );
  });

  test('white space around it and between plain words does not matter', () => {
    const word = fc.stringMatching(/^[a-z]{3,8}$/);
    fc.assert(
      fc.property(
        fc.array(word),
        fc.array(fc.constantFrom(' ', '\t', '\n', '\u3000'), { minLength: 1 }),
        (words, gap) => {
          const [plain, wide] = [words.join(' '), gap.join('') + words.join(gap.join('')) + gap.join('')];
          expect(tokenizeCaption(wide)).toEqual(tokenizeCaption(plain));
        },
      ),
    );
  });

  test('a long one takes no longer than its length', () => {
    const started = performance.now();
    for (const piece of ['a', 'a-', "a'", '.', 'a.', '1,', '1 ', '<a ', '(', 'a@', '&', '- ', 'A.', ' '])
      tokenizeCaption(piece.repeat(2000));
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

describe('CIDEr', () => {
  const word = fc.constantFrom('a', 'cat', 'dog', 'on', 'the', 'mat', 'bench', 'sits');
  const sentence = fc.array(word, { maxLength: 8 }).map((words) => words.join(' '));
  const item = fc.record({ caption: sentence, references: fc.array(sentence, { minLength: 1, maxLength: 4 }) });

  test('of nothing, of one item and without references is 0', () => {
    expect(cider([])).toEqual({ score: 0, each: [] });
    expect(cider([{ caption: 'a cat', references: ['a cat'] }])).toEqual({ score: 0, each: [0] });
    expect(
      cider([
        { caption: 'a cat', references: [] },
        { caption: 'a dog', references: ['a dog'] },
      ]).each[0],
    ).toBe(0);
  });

  test('is 10 for what only its reference says in four words or more', () => {
    const { score, each } = cider([
      { caption: 'one red bus stops', references: ['One red bus stops.'] },
      { caption: 'two green birds sing loudly', references: ['two green birds sing loudly!'] },
    ]);
    expect(each.map((value) => value.toFixed(9))).toEqual(['10.000000000', '10.000000000']);
    expect(score).toBeCloseTo(10, 9);
  });

  test('by hand: one word in common of two items', () => {
    // "cat" and "cat" are rare in one of two items: their cosine is 1, with no longer phrases: a quarter of 10.
    const { each } = cider([
      { caption: 'cat', references: ['cat'] },
      { caption: 'dog', references: ['bird'] },
    ]);
    expect(each).toEqual([2.5, 0]);
  });

  test('is 0 to 10, the mean of its items, whatever the order of references', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 6 }), (items) => {
        const { score, each } = cider(items);
        for (const value of each) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThan(10.000001);
        }
        expect(score).toBeCloseTo(each.reduce((sum, value) => sum + value, 0) / each.length, 12);
        const turned = cider(items.map((one) => ({ ...one, references: [...one.references].reverse() })));
        expect(turned.score).toBeCloseTo(score, 9);
      }),
    );
  });
});
