import { useState } from 'preact/hooks';
import { change, form } from '../state/form';
import { pictures, selected } from '../state/pictures';
import { ask, run, stop } from '../state/run';
import { useStore } from '../state/store';
import { TASKS, wordsOf } from '../tasks/tasks';
import { TaskFields } from './task-fields';

/** What is asked, and the button that asks it. */
export function TaskForm() {
  const { task } = useStore(form);
  const all = useStore(pictures).filter(({ open }) => open);
  const shown = useStore(selected);
  const under = useStore(run);
  const [missing, setMissing] = useState<string>();
  const { verb, all: verbAll, help } = wordsOf(task);
  const several = all.length > 1;
  const start = (ids?: number[]) => setMissing(ask(ids));
  return (
    <form
      class="card ask"
      aria-label="Question"
      onSubmit={(event) => {
        event.preventDefault();
        start();
      }}
    >
      <fieldset class="tasks">
        <legend class="unseen">What to do</legend>
        {TASKS.map(({ name, verb }) => (
          <label key={name} class={name === task ? 'chosen' : ''}>
            <input
              type="radio"
              name="task"
              value={name}
              checked={name === task}
              onChange={() => {
                change({ task: name });
                setMissing(undefined);
              }}
              data-testid={`task-${name}`}
            />
            <span>{verb}</span>
          </label>
        ))}
      </fieldset>
      <p class="quiet">{help}</p>
      <TaskFields />
      {missing !== undefined && (
        <p class="error" role="alert" data-testid="missing">
          {missing}
        </p>
      )}
      <div class="row">
        <button type="submit" class="button primary" disabled={all.length === 0} data-testid="ask">
          {several ? `${verbAll} ${all.length}` : verb}
        </button>
        {several && shown !== null && (
          <button type="button" class="button" onClick={() => start([shown])} data-testid="ask-one">
            This one only
          </button>
        )}
        {under && (
          <button type="button" class="button" onClick={stop} data-testid="stop">
            Stop
          </button>
        )}
        {all.length === 0 && <span class="quiet">Add a picture first.</span>}
      </div>
      {under && under.total > 1 && (
        <div class="progress-line" data-testid="run-progress">
          <progress max={under.total} value={under.done} aria-label="Pictures answered" />
          <span>
            {under.done} of {under.total} pictures
          </span>
        </div>
      )}
    </form>
  );
}
