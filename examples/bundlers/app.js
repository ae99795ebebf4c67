// A program to be bundled: node-paligemma stays outside of the bundle.
import { PaliGemma } from 'node-paligemma';

const model = await PaliGemma.load('embedded');
console.log(await model.caption(process.argv[2]));
await model.dispose();
