// The picture with what is drawn over it, at its own size: the page's counterpart of the library's `draw`.
import type { FoundObject } from '../server/types';
import { MASK_OPACITY } from './colours';
import { extentOf, paintMask } from './runs';

export async function drawnPicture(
  url: string,
  objects: FoundObject[],
  colour: (label: string) => string,
): Promise<Blob> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  if (!context) throw new Error('The browser has no room for a picture of this size.');
  context.drawImage(image, 0, 0);
  for (const object of objects) await drawMask(context, object, colour(object.label));
  for (const object of objects) drawBox(context, object, colour(object.label));
  for (const object of objects) drawPlate(context, object, colour(object.label));
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new Error('The browser has no room for a picture of this size.'));
    }, 'image/png'),
  );
}

async function drawMask(context: CanvasRenderingContext2D, { mask }: FoundObject, colour: string): Promise<void> {
  if (!mask) return;
  const extent = extentOf(mask);
  if (extent.pixels === 0) return;
  // As a bitmap, for it is laid over the picture: putting the pixels themselves would replace it.
  const bitmap = await createImageBitmap(paintMask(mask, extent, colour, MASK_OPACITY));
  context.drawImage(bitmap, extent.left, extent.top);
  bitmap.close();
}

function drawBox(context: CanvasRenderingContext2D, { box }: FoundObject, colour: string): void {
  const { width, height } = context.canvas;
  const line = Math.max(2, Math.min(width, height) / 150);
  context.lineJoin = 'round';
  for (const [style, lineWidth] of [
    ['rgb(0 0 0 / 0.6)', line * 2],
    [colour, line],
  ] as const) {
    Object.assign(context, { strokeStyle: style, lineWidth });
    context.strokeRect(box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin);
  }
}

function drawPlate(context: CanvasRenderingContext2D, { box, label, score }: FoundObject, colour: string): void {
  const { width, height } = context.canvas;
  const size = Math.max(12, Math.min(width, height) / 22);
  const text = `${label} ${score.toFixed(2)}`;
  context.font = `${size}px sans-serif`;
  const wide = context.measureText(text).width + size * 0.9;
  const tall = size * 1.4;
  const x = Math.max(0, Math.min(box.xmin, width - wide));
  const y = box.ymin >= tall ? box.ymin - tall : Math.min(box.ymin, height - tall);
  context.fillStyle = 'rgb(0 0 0 / 0.75)';
  context.fillRect(x, y, wide, tall);
  context.fillStyle = colour;
  context.fillRect(x, y, size * 0.22, tall);
  context.fillStyle = '#fff';
  context.fillText(text, x + size * 0.55, y + tall * 0.72);
}
