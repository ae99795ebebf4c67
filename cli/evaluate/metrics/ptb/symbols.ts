// Sources of expressions for what is no word: addresses, telephone numbers, faces, markup, signs.
import { anyCase } from './characters.js';

const NAME = '[A-Za-z][A-Za-z0-9_:.-]*';
const ATTRIBUTE = `${NAME} *= *(?:'[^']*'|"[^"]*")`;
/** Markup, which is one token. */
export const TAG = `<(?:[!?][A-Za-z-][^>\\r\\n]*|${NAME}(?: +(?:${ATTRIBUTE}|${NAME}))* */?|/${NAME}) *>`;

const PATH = '[^ \\t\\n\\f\\r"<>|()]';
/** The last character of an address is no punctuation. */
const LAST = '[^ \\t\\n\\f\\r"<>|.!?(){},-]';
export const URL = `${anyCase('https?')}://[^ \\t\\n\\f\\r"<>|(){}]+${LAST}`;
/** From the comma to the underscore all characters are left out too, capitals and digits among them. */
const HOST_PART = '[^ \\t\\n\\f\\r"`\'<>|.!?(){},-_$]+\\.';
const HOSTS = [
  `${anyCase('www\\.')}(?:[^ \\t\\n\\f\\r"<>|.!?(){},]+\\.)+[a-zA-Z]{2,4}`,
  `(?:${HOST_PART})+${anyCase('(?:com|net|org|edu)')}`,
];
/** Several, as an expression would not find the longest of them: a host's parts may hold what is a path as well. */
export const ADDRESSES = [...HOSTS, ...HOSTS.map((host) => `${host}/${PATH}+${LAST}`)];

const MAIL_PART = '[^ \\t\\n\\f\\r"<>|(){}.\\xa0]+';
export const EMAIL = `(?:${anyCase('&lt;')}|<)?[a-zA-Z0-9][^ \\t\\n\\f\\r"<>|()\\xa0{}]*@(?:${MAIL_PART}\\.)*${MAIL_PART}(?:${anyCase('&gt;')}|>)?`;

const AREA = '\\([0-9]{2,3}\\)[ \\xa0]?|(?:\\+\\+?)?(?:[0-9]{2,4}[- \\xa0])?[0-9]{2,4}[- \\xa0]';
export const PHONE = `(?:${AREA})[0-9]{3,4}[- \\xa0]?[0-9]{3,5}|(?:(?:\\+\\+?)?[0-9]{2,4}\\.)?[0-9]{2,4}\\.[0-9]{3,4}\\.[0-9]{3,5}`;

const EYE = '[\\^x=~<>]';
const CHEEK = "[-\\^x=~<>']";
export const FACE = {
  western: "[<>]?[:;=][-o*']?[()DPdpO\\\\{@|\\[\\]]",
  eastern: `${CHEEK}_${CHEEK}|\\(${CHEEK}[_.]?${CHEEK}\\)|\\(${EYE}-[\\^x=~<>'\`]\\)`,
};

/** Signs that stand alone. */
export const SYMBOL = `[+%&~^|\\\\\\xa6-\\xa9\\xac\\xae-\\xba\\xd7\\xf7\\u0387\\u05be\\u05c0\\u05c3\\u05c6\\u05f3\\u05f4\\u0600-\\u0603\\u0606-\\u060a\\u060c\\u0614\\u061b\\u061e\\u066a\\u066d\\u0703-\\u070d\\u07f6-\\u07f8\\u0964\\u0965\\u0e4f\\u1fbd\\u2016\\u2017\\u2020-\\u2023\\u2030-\\u2038\\u203b\\u203e-\\u2042\\u2044\\u207a-\\u207f\\u208a-\\u208e\\u2100-\\u214f\\u2190-\\u2bff\\u3012\\u30fb\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65]`;
