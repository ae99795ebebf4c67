// Where the focus goes when what had it disappears (a removed picture, a button that was pressed once): to what took its
// place, instead of to the beginning of the page.

// No fields for text, which open a phone's keyboard; of radio buttons the one that is chosen.
const REACHABLE = [
  'button:not([tabindex]):not(:disabled)',
  'a[href]',
  'select',
  'summary',
  'input:not([type="text"]):not([type="radio"])',
  'input[type="radio"]:checked',
].join();

/** Ancestors from the inside out, each with the place of its child on the way. */
type Way = [ancestor: Element, place: number][];

function wayTo(element: Element): Way {
  const way: Way = [];
  for (let child = element; child.parentElement; child = child.parentElement)
    way.push([child.parentElement, [...child.parentElement.children].indexOf(child)]);
  return way;
}

export function keepFocus(root: Element): void {
  let last: Element | null = null;
  let way: Way = [];
  root.addEventListener('focusin', ({ target }) => {
    last = target as Element;
    way = wayTo(last);
  });
  new MutationObserver(() => {
    if (!last || last.isConnected || document.activeElement !== document.body) return;
    for (const [ancestor, place] of way) {
      if (!ancestor.isConnected) continue;
      const instead = ancestor.children[Math.min(place, ancestor.children.length - 1)];
      const next = [instead, ancestor].flatMap((one) =>
        one ? [...(one.matches(REACHABLE) ? [one] : []), ...one.querySelectorAll(REACHABLE)] : [],
      )[0];
      if (!(next instanceof HTMLElement)) continue;
      next.focus({ preventScroll: true });
      return;
    }
  }).observe(root, { childList: true, subtree: true });
}
