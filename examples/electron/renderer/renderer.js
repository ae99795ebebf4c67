const drop = document.getElementById('drop');
const picture = document.getElementById('picture');
const caption = document.getElementById('caption');
let current = 0;

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

async function show(file) {
  const turn = ++current; // a later picture takes the place of an earlier one that is still being described
  const write = (text, failed = false) => {
    if (turn !== current) return;
    caption.textContent = text;
    caption.classList.toggle('error', failed);
  };
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  picture.hidden = false;
  document.getElementById('hint').hidden = true;
  let text = '';
  write('…');
  try {
    const image = new Uint8Array(await file.arrayBuffer());
    const whole = await window.captioner.caption(image, (piece) => {
      text += piece;
      write(text);
    });
    write(whole);
  } catch (error) {
    write(error.message, true);
  }
}
