import type { Choice } from '../server/types';
import { percent } from './units';

/** How probable each of the answers is. */
export function ChoiceBars({ choice, choices }: { choice: Choice; choices: string[] }) {
  const { index, answer, probabilities } = choice;
  return (
    <>
      <p class="text" data-testid="answer-text">
        {index === null ? `None of them: ${answer}` : choices[index]}
      </p>
      {probabilities && (
        <ul class="bars" aria-label="Probabilities">
          {choices.map((text, i) => {
            const share = probabilities[i] ?? 0;
            return (
              <li key={i} class={i === index ? 'best' : ''} data-testid="probability" data-probability={share}>
                <span class="label">{text}</span>
                <span class="score">{percent(share)}</span>
                <span class="bar" aria-hidden="true">
                  <span style={{ width: `${100 * share}%` }} />
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </>
  );
}
