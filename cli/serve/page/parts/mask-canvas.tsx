import { useEffect, useMemo, useRef } from 'preact/hooks';
import { MASK_OPACITY } from '../drawing/colours';
import { extentOf, paintMask } from '../drawing/runs';
import type { RunLength } from '../server/types';

interface Properties {
  mask: RunLength;
  colour: string;
  marked: boolean;
}

/** Pixels on the longer side, at most: several masks of a large photograph would fill the memory. */
const MOST = 1600;

/** The shape of an object. */
export function MaskCanvas({ mask, colour, marked }: Properties) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const extent = useMemo(() => extentOf(mask), [mask]);
  const { left, top, width, height, pixels } = extent;
  const step = Math.ceil(Math.max(width, height, 1) / MOST);
  useEffect(() => {
    if (pixels === 0) return;
    canvas.current?.getContext('2d')?.putImageData(paintMask(mask, extent, colour, MASK_OPACITY, step), 0, 0);
  }, [mask, extent, colour, pixels, step]);
  const [down, across] = mask.size;
  const place = {
    left: `${(100 * left) / across}%`,
    top: `${(100 * top) / down}%`,
    width: `${(100 * width) / across}%`,
    height: `${(100 * height) / down}%`,
  };
  return (
    <canvas
      ref={canvas}
      class={`mask ${marked ? 'marked' : ''}`}
      style={place}
      width={Math.ceil(width / step)}
      height={Math.ceil(height / step)}
      data-testid="mask"
      data-pixels={pixels}
    />
  );
}
