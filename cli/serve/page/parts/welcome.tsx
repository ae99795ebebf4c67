import { form } from '../state/form';
import { modelOf, models } from '../state/session';
import { useStore } from '../state/store';
import { ExampleList } from './example-list';
import { Icon } from './icons';
import { PictureInput } from './picture-input';

/** Before there is a picture. */
export function Welcome() {
  useStore(models);
  const embedded = modelOf(useStore(form).model)?.paligemma.embedded ?? false;
  return (
    <div class="welcome" data-testid="drop-zone">
      <Icon name="picture" />
      <h2>Drop a picture here</h2>
      <p>or paste one. Several at once are fine.</p>
      <div class="row centred">
        <PictureInput primary>Choose pictures</PictureInput>
        <PictureInput photograph>Take a photograph</PictureInput>
      </div>
      {embedded && (
        <div class="try">
          <p>
            The model that comes with the package is small (5 M parameters) and knows drawn emoji scenes only. Try one
            of these:
          </p>
          <ExampleList />
        </div>
      )}
    </div>
  );
}
