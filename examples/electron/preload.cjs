// All that the page can reach: window.captioner.
const { contextBridge, ipcRenderer } = require('electron');

let lastId = 0;
contextBridge.exposeInMainWorld('captioner', {
  async caption(image, onText) {
    const id = ++lastId;
    const listener = (_, of, text) => {
      if (of === id) onText(text);
    };
    ipcRenderer.on('caption:text', listener);
    try {
      return await ipcRenderer.invoke('caption', id, image);
    } finally {
      ipcRenderer.off('caption:text', listener);
    }
  },
});
