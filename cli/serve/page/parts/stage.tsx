import { answers } from '../state/answers';
import { pictureOf, pictures, selected } from '../state/pictures';
import { useStore } from '../state/store';
import { exampleNamed } from './examples';
import { Overlay } from './overlay';
import { Problem } from './problem';
import { StageBar } from './stage-bar';

/** The picture that is shown large, with what was found in it. */
export function Stage() {
  useStore(pictures);
  const picture = pictureOf(useStore(selected));
  const objects = useStore(answers).get(picture?.id ?? 0)?.result?.objects;
  if (!picture) return null;
  const { id, name, open, problem } = picture;
  if (problem !== undefined)
    return (
      <div class="stage">
        <Problem title={name} message={problem} />
        <StageBar picture={picture} />
      </div>
    );
  if (!open) return <div class="stage waiting">Opening {name} …</div>;
  const { url, width, height } = open;
  // As large as there is room for, in the picture's own shape.
  const size = {
    width: `min(100%, calc(var(--stage-height) * ${width / height}))`,
    aspectRatio: `${width} / ${height}`,
  };
  return (
    <div class="stage">
      <figure style={size} data-testid="picture" data-width={width} data-height={height}>
        <img src={url} alt={exampleNamed(name)?.alt ?? name} />
        {objects && <Overlay picture={id} objects={objects} width={width} height={height} />}
      </figure>
      <StageBar picture={picture} />
    </div>
  );
}
