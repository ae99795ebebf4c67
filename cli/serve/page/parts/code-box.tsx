import { CopyButton } from './copy-button';

/** Code with a button that copies it. It can be scrolled by keyboard. */
export const CodeBox = ({ name, text }: { name: string; text: string }) => (
  <div class="code">
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
    <section tabIndex={0} aria-label={name}>
      <pre data-testid="code">{text}</pre>
    </section>
    <CopyButton text={() => text} what={name} />
  </div>
);
