import type { RequestError } from '../server/failure';

interface Words {
  title: string;
  message: string;
  help?: string;
  /** Whether it can help to ask the same again. */
  again: boolean;
}

const sentence = (text: string): string => {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
};

/** A failure in plain words, with what to do. */
export function failureWords({ kind, message }: RequestError): Words {
  const said = sentence(message);
  switch (kind) {
    case 'connection':
      return {
        title: 'The server does not answer.',
        message: 'It was stopped, or the connection was lost.',
        help: 'Start it again with npx paligemma serve, then try again.',
        again: true,
      };
    case 'size':
      return {
        title: 'This picture is too large for the server.',
        message: said,
        help: 'Make it smaller and add it again.',
        again: false,
      };
    case 'picture':
      return {
        title: 'The server cannot read this picture.',
        message: said,
        help: 'It may be damaged. Save it anew as JPEG or PNG and add it again.',
        again: false,
      };
    default:
      return { title: 'This could not be answered.', message: said, again: true };
  }
}
