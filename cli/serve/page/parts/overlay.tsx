import { coloursOf } from '../drawing/colours';
import type { FoundObject } from '../server/types';
import { hidden, isHidden, pointed, threshold, toggleObject } from '../state/objects';
import { useStore } from '../state/store';
import { MaskCanvas } from './mask-canvas';

interface Properties {
  picture: number;
  objects: FoundObject[];
  /** Of the picture, in its pixels. */
  width: number;
  height: number;
}

/** Boxes and masks over the picture. For pointers alone: by keyboard and for screen readers there is the list of objects. */
export function Overlay({ picture, objects, width, height }: Properties) {
  const off = useStore(hidden);
  const least = useStore(threshold);
  const marked = useStore(pointed);
  const colour = coloursOf(objects);
  const area = ({ box }: FoundObject) => (box.xmax - box.xmin) * (box.ymax - box.ymin);
  // Small ones last, so that they lie on top and can be pointed at.
  const shown = objects
    .map((object, index) => ({ object, index }))
    .filter(({ object }) => object.score >= least)
    .sort((a, b) => area(b.object) - area(a.object));
  return (
    <div class="overlay" aria-hidden="true" data-testid="overlay">
      {shown.map(({ object, index }) => {
        const { mask, label } = object;
        const visible = !isHidden(off, picture, index);
        return mask && visible ? (
          <MaskCanvas key={`mask-${index}`} mask={mask} colour={colour(label)} marked={marked === index} />
        ) : null;
      })}
      {shown.map(({ object: { label, score, box }, index }) => {
        const visible = !isHidden(off, picture, index);
        const place = {
          left: `${(100 * box.xmin) / width}%`,
          top: `${(100 * box.ymin) / height}%`,
          width: `${(100 * (box.xmax - box.xmin)) / width}%`,
          height: `${(100 * (box.ymax - box.ymin)) / height}%`,
          '--colour': colour(label),
        };
        const sides = `${box.ymin / height < 0.08 ? 'inside' : ''} ${(box.xmin + box.xmax) / 2 > 0.6 * width ? 'leftwards' : ''}`;
        return (
          <button
            key={index}
            type="button"
            tabIndex={-1}
            class={`box ${visible ? '' : 'off'} ${marked === index ? 'marked' : ''} ${marked !== null && marked !== index ? 'dimmed' : ''}`}
            style={place}
            onClick={() => toggleObject(picture, index)}
            onPointerEnter={() => {
              pointed.value = index;
            }}
            onPointerLeave={() => {
              pointed.value = null;
            }}
            data-testid="box"
            data-index={index}
            data-label={label}
            data-score={score}
            data-shown={visible}
            data-xmin={box.xmin}
            data-ymin={box.ymin}
            data-xmax={box.xmax}
            data-ymax={box.ymax}
          >
            {visible && (
              <span class={`plate ${sides}`}>
                {label} {score.toFixed(2)}
              </span>
            )}
          </button>
        );
      })}
    </div>
  );
}
