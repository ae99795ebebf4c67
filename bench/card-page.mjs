// What bench/card.mjs found out, as a page of Markdown: a section for each part.
const number = (value, digits = 1) => (value === undefined ? '' : value.toFixed(digits));
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const PARTS = {
  parity: ({ tests, fullSize }) =>
    `${tests.passed} tests passed, ${tests.failed} failed${tests.names.map((name) => `\n- ${name}`).join('')}\n\n` +
    table(
      ['3B against the processor', 'largest difference of features', 'of logits', 'same best token'],
      Object.entries(fullSize).map(([type, { features, logits, sameToken }]) => [
        type,
        features.toExponential(1),
        logits.toExponential(1),
        sameToken ? 'yes' : 'no',
      ]),
    ),
  speed: ({ captions, emoji }) =>
    table(
      ['random weights, 20 tokens', 'load', 'one picture', 'first token', 'a token', 'images a second, in flight'],
      captions.map(({ model, type, load, single, throughput }) => [
        `${model} ${type}`,
        `${number(load / 1000)} s`,
        `${number(single.total)} ms`,
        `${number(single.firstToken)} ms`,
        `${number(single.token, 2)} ms`,
        throughput.map(({ concurrency, imagesPerSecond }) => `${concurrency}: ${number(imagesPerSecond)}`).join(', '),
      ]),
    ) +
    `\n\nEmoji model, 64 in flight, images a second: ${Object.entries(emoji)
      .map(([task, rate]) => `${task} ${number(rate)}`)
      .join(', ')}.`,
  peers: (all) =>
    table(
      ['in one run', 'vision', 'first token', 'a token', 'whole answer', 'images a second, at once'],
      all.map(({ name, vision, first_token, token, total, throughput }) => [
        name,
        ...[vision, first_token, token, total].map((value) => `${number(value)} ms`),
        throughput
          .map((one) => `${one.batch}${one.static ? ' static' : ''}: ${number(one.images_per_second)}`)
          .join(', '),
      ]),
    ),
  profile: ({ clock, kernels }) =>
    `64 pictures took ${number(clock.milliseconds)} ms. Of each, on average, in milliseconds: ` +
    `${['queue', 'vision', 'prefill', 'decode', 'total'].map((part) => `${part} ${number(clock[part])}`).join(', ')}.` +
    (kernels ? `\n\n\`\`\`\n${kernels.join('\n')}\n\`\`\`` : ''),
};

/** @param found `{ card, parts: { [part]: { result, seconds } | { error } } }` */
export function cardPage({ card, parts }) {
  const sections = Object.entries(parts).map(
    ([part, { result, error, seconds }]) =>
      `## ${part}\n\n${error ? `Failed: ${error}` : `${PARTS[part](result)}\n\n${seconds} s.`}`,
  );
  return `# ${card}\n\n${sections.join('\n\n')}\n`;
}
