// Words whose full stop is theirs, as the tokenizer lists them.
import { oneOf } from './characters.js';

const MONTHS_AND_DAYS = 'Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thurs Fri';
const STATES = `Ala Ariz =Az =Ark Calif Colo Conn Ct Dak =Del Fla Ga =Ill Ind Kan Kans Ky =La =Mass Md Mich Minn =Miss Mo Mont Neb
  Nev Okla =Ore =Pa Penn Tenn =Tex Va Vt =Wash Wis Wisc Wyo`;
const COMPANIES = `Inc Co Cos Corp Pt[ye] Pt[ye]s Ppt[ye] Ppt[ye]s Ltd Plc Rt Bancorp Bhd Assn Univ Intl Sys`;
const OTHERS = 'tel est ext sq Jr Sr Bros Ed\\.D Ph\\.D Blvd Rd Esq etc al seq Bldg';
const TITLES = `Mr Mrs Ms =Miss Dr Drs Prof Profs Sen Sens Rep Reps Atty Attys Lt Col Gen Messrs Gov Govs Adm Rev Maj Sgt Cpl Pvt
  Capt St Ste Ave Pres Lieut Hon Brig Cmdr Comdr Pfc Spc Supt Supts Det Mt Ft Adj Adv Asst Assoc Ens Insp Mlle Mme Msgr Sfc`;
const BEFORE_NAMES = `${TITLES} vs Alex Wm Jos Cie cf TREAS Ph Invt Elec Natl M[ft]g Dept`;

/** Those after which a capital begins a sentence. */
export const BEFORE_SMALL = `${oneOf(`${MONTHS_AND_DAYS} ${STATES} ${COMPANIES} ${OTHERS}`)}\\.`;

const COUNTRIES = `${oneOf('U\\.S\\.-U\\.S\\.S\\.R U\\.S\\.-U\\.K Canada-U\\.S Sino-U\\.S Korean-U\\.S EU-U\\.S Japan-U\\.S non-U\\.S')}`;
/** `U.S` or `p.m` or one letter, without the last full stop. */
export const ACRONYM = `(?:${COUNTRIES}|[A-Za-z](?:\\.[A-Za-z])*)`;
/** Of at least two letters. */
export const LONG_ACRONYM = `(?:${COUNTRIES}|[A-Za-z](?:\\.[A-Za-z])+)`;
/** Those after which a name follows, without the last full stop. */
export const BEFORE_CAPITAL = `(?:${oneOf(BEFORE_NAMES)}|${ACRONYM})`;

/** Those that are abbreviations before a number alone. */
export const BEFORE_NUMBER = `${oneOf('ca fig figs prop no nos art bldg pp op')}\\.`;

/** Words that begin a sentence after an acronym. */
export const BEGINNINGS =
  oneOf(`=About =According =Additionally =After =An =A =As =At =But =Earlier =He =Her =Here =However =If =In
  =It =Last =Many =More =Mr\\. =Ms\\. =Now =Once =One =Other =Our =She =Since =So =Some =Such =That =The =Their =Then =There =These
  =They =This =We =When =While =What =Yet =You`);
