import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
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
  useEffect(() => place.current?.showModal(), []);
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
