import { useEffect, useMemo, useRef } from 'preact/hooks';
import { MASK_OPACITY } from '../drawing/colours';
import { extentOf, paintMask } from '../drawing/runs';
import type { RunLength } from '../server/types';

interface Properties {
  mask: RunLength;
  colour: string;
  marked: boolean;
}

/** The shape of an object, in the picture's own pixels. */
export function MaskCanvas({ mask, colour, marked }: Properties) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const extent = useMemo(() => extentOf(mask), [mask]);
  const { left, top, width, height, pixels } = extent;
  useEffect(() => {
    if (pixels > 0) canvas.current?.getContext('2d')?.putImageData(paintMask(mask, extent, colour, MASK_OPACITY), 0, 0);
  }, [mask, extent, colour, pixels]);
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
      width={width}
      height={height}
      data-testid="mask"
      data-pixels={pixels}
    />
  );
}
