import { connect } from '../node_modules/node-paligemma/dist/electron/renderer.js';

const paligemma = connect({ decode: 'page' }); // strangers' pictures are decoded in the page's sandbox
const drop = document.getElementById('drop');
const picture = document.getElementById('picture');
const caption = document.getElementById('caption');
let last = new AbortController();

drop.addEventListener('dragover', (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  const [file] = event.dataTransfer.files;
  if (file) show(file);
});

function write(text, failed = false) {
  caption.textContent = text;
  caption.classList.toggle('error', failed);
}

async function show(file) {
  last.abort(); // a later picture takes the place of an earlier one that is still being described
  last = new AbortController();
  const { signal } = last;
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  picture.hidden = false;
  document.getElementById('hint').hidden = true;
  write('…');
  try {
    let text = '';
    for await (const piece of paligemma.stream('caption', file, { language: 'en', signal })) {
      text += piece;
      write(text);
    }
  } catch (error) {
    if (!signal.aborted) write(error.message, true);
  }
}

// A large model takes its time the first time.
paligemma
  .info({ onProgress: ({ stage, done, total }) => write(`${stage} ${Math.floor((100 * done) / total)} %`) })
  .then(() => write(''))
  .catch((error) => write(error.message, true));
