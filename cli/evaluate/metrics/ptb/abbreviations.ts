// Words whose full stop is theirs, by what follows when it also ends a sentence.
import { chain, oneOf } from './characters.js';

/** Those after which a capital begins a sentence: dates, places, companies. */
export const BEFORE_SMALL = `${oneOf(`
  al Ala Apr Ariz =Ark Assn Aug =Az Bancorp Bhd Bldg Blvd Bros Calif Co Colo Conn Corp Cos Ct Dak Dec =Del Ed\\.D Esq est
  etc ext Feb Fla Fri Ga =Ill Inc Ind Intl Jan Jr Jul Jun Kan Kans Ky =La Ltd Mar =Mass Md Mich Minn =Miss Mo Mon Mont Neb
  Nev Nov Oct Okla =Ore =Pa Penn Ph\\.D Plc Ppt[ye] Ppt[ye]s Pt[ye] Pt[ye]s Rd Rt Sep Sept seq sq Sr Sys tel Tenn
  =Tex Thu Thurs Tue Tues Univ Va Vt =Wash Wed Wis Wisc Wyo`)}\\.`;

const BEFORE_NAMES = `
  Adj Adm Adv Alex Assoc Asst Atty Attys Ave Brig Capt cf Cie Cmdr Col Comdr Cpl Dept Det Dr Drs Elec Ens Ft Gen Gov Govs
  Hon Insp Invt Jos Lieut Lt Maj Messrs M[ft]g =Miss Mlle Mme Mr Mrs Ms Msgr Mt Natl Pfc Ph Pres Prof Profs Pvt Rep Reps
  Rev Sen Sens Sfc Sgt Spc St Ste Supt Supts TREAS vs Wm`;

const US = 'U\\.S';
/** Pairs of countries. */
const COUNTRIES = oneOf(
  [
    ...['Canada', 'EU', 'Japan', 'Korean', 'Sino', 'non'].map((other) => `${other}-${US}`),
    ...['U\\.K', `${US}\\.S\\.R`].map((other) => `${US}-${other}`),
  ].join(' '),
);
const acronym = (least: number) => `(?:${COUNTRIES}|${chain('[A-Za-z]', '\\.', least)})`;
/** `U.S` or `p.m` or one letter, without the last full stop. */
export const ACRONYM = acronym(1);
export const LONG_ACRONYM = acronym(2);
/** Those after which a name follows, without the last full stop. */
export const BEFORE_CAPITAL = `(?:${oneOf(BEFORE_NAMES)}|${ACRONYM})`;

/** Those that are abbreviations before a number alone. */
export const BEFORE_NUMBER = `${oneOf('ca fig figs prop no nos art bldg pp op')}\\.`;

/** Words that begin a sentence after an acronym. */
export const BEGINNINGS = oneOf(
  `A About According Additionally After An As At But Earlier He Her Here However If In It Last Many More Mr\\. Ms\\. Now
  Once One Other Our She Since So Some Such That The Their Then There These They This We What When While Yet You`.replace(
    /\b(?=[A-Z])/g,
    '=',
  ),
);
