import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { addAndAsk } from '../state/run';

/** The whole page takes what is dropped or pasted. */
export function DropArea({ children }: { children: ComponentChildren }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    // Entering a part of the page leaves another one: the balance says whether the pointer is still here.
    let depth = 0;
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const listeners: [string, (event: never) => void][] = [
      ['dragenter', (event: DragEvent) => hasFiles(event) && setOver(++depth > 0)],
      ['dragleave', (event: DragEvent) => hasFiles(event) && setOver(--depth > 0)],
      ['dragover', (event: DragEvent) => hasFiles(event) && event.preventDefault()],
      [
        'drop',
        (event: DragEvent) => {
          depth = 0;
          setOver(false);
          const files = [...(event.dataTransfer?.files ?? [])];
          if (files.length === 0) return;
          event.preventDefault();
          addAndAsk(files);
        },
      ],
      [
        'paste',
        (event: ClipboardEvent) => {
          const files = [...(event.clipboardData?.files ?? [])];
          if (files.length === 0) return; // a text, for a field
          event.preventDefault();
          addAndAsk(files);
        },
      ],
    ];
    for (const [name, listener] of listeners) window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of listeners) window.removeEventListener(name, listener as EventListener);
    };
  }, []);
  return (
    <div class="page" data-testid="drop-area">
      {children}
      {over && (
        <div class="drop-hint" aria-hidden="true">
          <span>Drop to add</span>
        </div>
      )}
    </div>
  );
}
