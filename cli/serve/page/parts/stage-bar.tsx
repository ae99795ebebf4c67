import { type Picture, pictures, selected } from '../state/pictures';
import { useStore } from '../state/store';
import { Icon } from './icons';

/** From one picture to the next. */
export function StageBar({ picture }: { picture: Picture }) {
  const all = useStore(pictures);
  const place = all.findIndex(({ id }) => id === picture.id);
  if (all.length < 2) return null;
  const go = (by: number) => () => {
    selected.value = all[(place + by + all.length) % all.length]?.id ?? null;
  };
  return (
    <div class="stage-bar">
      <button type="button" class="button round" aria-label="Previous picture" onClick={go(-1)} data-testid="previous">
        <Icon name="left" />
      </button>
      <span class="name">{picture.name}</span>
      <span class="quiet">
        {place + 1} of {all.length}
      </span>
      <button type="button" class="button round" aria-label="Next picture" onClick={go(1)} data-testid="next">
        <Icon name="right" />
      </button>
    </div>
  );
}
