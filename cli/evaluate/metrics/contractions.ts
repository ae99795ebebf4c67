// The contractions of VQA's evaluation: https://visualqa.org/evaluation.html

const WHOLE = `ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's
  how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've o'clock oughtn't
  'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll
  someone's something'd something'd've something'll that's there'd there'd've there're there's they'd they'd've they'll they're
  they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've who'll
  who's who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've`;

/** Each with one of its apostrophes left out stands for the whole. Those of `I` are never met: words are lower case by then. */
const WITHOUT = WHOLE.split(/\s+/).flatMap((whole) =>
  [...whole.matchAll(/'/g)].map(({ index }): [string, string] => [
    whole.slice(0, index) + whole.slice(index + 1),
    whole,
  ]),
);

/** What a word becomes. One goes the other way in the official list. */
export const CONTRACTIONS: ReadonlyMap<string, string> = new Map([...WITHOUT, ["somebody'd", 'somebodyd']]);
