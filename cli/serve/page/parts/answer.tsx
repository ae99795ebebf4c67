import { type Answer, answers } from '../state/answers';
import { type Picture, pictureOf, pictures, selected } from '../state/pictures';
import { askAgain } from '../state/run';
import { modelOf, models } from '../state/session';
import { useStore } from '../state/store';
import { answerInWords, inWords } from '../tasks/asked';
import { wordsOf } from '../tasks/tasks';
import { ChoiceBars } from './choice-bars';
import { failureWords } from './failure-words';
import { ObjectList } from './object-list';
import { Problem } from './problem';
import { ProgressLine } from './progress-line';
import { TakeAway } from './take-away';
import { TimingsView } from './timings';

/** The answer of the picture that is shown. */
export function AnswerView() {
  useStore(pictures);
  const picture = pictureOf(useStore(selected));
  const answer = useStore(answers).get(picture?.id ?? 0);
  if (!picture || !answer) return null;
  return (
    <section
      class="card answer"
      aria-label="Answer"
      aria-busy={answer.state === 'asking'}
      data-testid="answer"
      data-state={answer.state}
    >
      <h2>{inWords(answer.asked)}</h2>
      <Body picture={picture} answer={answer} />
    </section>
  );
}

function Body({ picture, answer }: { picture: Picture; answer: Answer }) {
  const { state, text, note, result, error, asked } = answer;
  if (state === 'waiting') return <p class="quiet">Waits for its turn.</p>;
  if (state === 'failed' && error) {
    const { again, ...words } = failureWords(error);
    return (
      <>
        {text !== '' && <p class="text cut">{text}</p>}
        <Problem {...words} {...(again && { retry: () => askAgain([picture.id]) })} />
        <Before answer={answer} />
      </>
    );
  }
  if (!result)
    return (
      <>
        {text !== '' && (
          <p
            class={`text ${state === 'asking' ? 'coming' : 'cut'}`}
            lang={asked.options.language ?? 'en'}
            dir="auto"
            data-testid="answer-text"
          >
            {text}
          </p>
        )}
        {state === 'asking' && text === '' && <Waiting note={note} model={asked.model} />}
        {state === 'stopped' && (
          <div class="row">
            <span class="quiet">Stopped.</span>
            <button type="button" class="button" onClick={() => askAgain([picture.id])} data-testid="retry">
              Ask again
            </button>
          </div>
        )}
        {state === 'stopped' && <Before answer={answer} />}
      </>
    );
  const { objects, choice, finishReason } = result;
  return (
    <>
      {wordsOf(asked.task).streams && result.text !== undefined && (
        <p class="text" lang={asked.options.language ?? 'en'} dir="auto" data-testid="answer-text">
          {result.text.trim() === '' ? 'The model answered with no text.' : result.text}
        </p>
      )}
      {objects && <ObjectList picture={picture.id} objects={objects} labels={asked.options.labels ?? []} />}
      {choice && <ChoiceBars choice={choice} choices={asked.options.choices ?? []} />}
      {finishReason === 'length' && <p class="quiet">The answer reached the limit of its length and was cut off.</p>}
      {result.timings && (
        <TimingsView timings={result.timings} remembered={(result.usage?.rememberedImages ?? 0) > 0} />
      )}
      <TakeAway picture={picture} asked={asked} result={result} />
    </>
  );
}

/** Until there is something of an answer. */
function Waiting({ note, model }: { note: string | undefined; model: string }) {
  useStore(models);
  const { state, progress } = modelOf(model)?.paligemma ?? {};
  const words = state === 'loading' ? 'The model is loading. The answer comes by itself.' : 'Looking …';
  return (
    <>
      <p class="quiet looking" data-testid="note">
        {note ?? words}
      </p>
      {state === 'loading' && progress && <ProgressLine progress={progress} of="the model" />}
    </>
  );
}

const Before = ({ answer: { before } }: { answer: Answer }) =>
  before ? (
    <p class="quiet" data-testid="answer-before">
      Before: {inWords(before.asked)}: {answerInWords(before.result)}
    </p>
  ) : null;
