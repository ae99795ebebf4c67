import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from './icons';

interface Properties {
  title: string;
  /** None: it has to be answered. */
  close?: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, close, children }: Properties) {
  const place = useRef<HTMLDialogElement>(null);
  const name = useId();
  useLayoutEffect(() => {
    const dialog = place.current;
    dialog?.showModal();
    return () => dialog?.close(); // gives the focus back
  }, []);
  return (
    <dialog
      ref={place}
      aria-labelledby={name}
      onCancel={(event) => {
        event.preventDefault();
        close?.();
      }}
    >
      <div class="dialog-head">
        <h2 id={name}>{title}</h2>
        {close && (
          <button type="button" class="button round" aria-label="Close" onClick={close} data-testid="close-dialog">
            <Icon name="close" />
          </button>
        )}
      </div>
      {children}
    </dialog>
  );
}
