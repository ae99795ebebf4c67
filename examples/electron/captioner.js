// The captioning process (an Electron utility process): pictures in, captions out, in pieces.
import { PaliGemma } from 'node-paligemma';

const port = process.parentPort;
const loading = PaliGemma.load('embedded'); // or a hub id such as 'google/paligemma-3b-mix-224', fetched the first time
loading.catch(() => {}); // said to whoever asks

port.on('message', async ({ data: { id, image } }) => {
  try {
    const model = await loading;
    const stream = model.stream({ prompt: 'caption en', images: [image] });
    for await (const text of stream) port.postMessage({ id, text });
    port.postMessage({ id, caption: (await stream.result).text });
  } catch (error) {
    port.postMessage({ id, error: error.message });
  }
});
