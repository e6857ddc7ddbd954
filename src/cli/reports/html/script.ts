/**
 * Script of the reports. Without it everything can be read; it filters the images, opens all details, and has them open on
 * paper. It handles no text of a bundle as markup.
 */
export const SCRIPT = `
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const tools = document.getElementById('tools');
  if (tools) {
    tools.hidden = false;
    const images = all('li.image').map((item) => ({ item, text: '' }));
    const [filter, shown] = [document.getElementById('filter'), document.getElementById('shown')];
    const details = () => all('#images details');
    const apply = () => {
      const words = filter.value.toLowerCase().split(/\\s+/).filter(Boolean);
      let count = 0;
      for (const image of images) {
        image.text ||= image.item.textContent.toLowerCase();
        const fits = words.every((word) => image.text.includes(word));
        image.item.hidden = !fits;
        if (fits) count += 1;
      }
      shown.textContent = words.length === 0 ? '' : count + ' of ' + images.length + ' images';
    };
    filter.addEventListener('input', apply);
    document.getElementById('open').addEventListener('click', () => details().forEach((each) => { each.open = true; }));
    document.getElementById('close').addEventListener('click', () => details().forEach((each) => { each.open = false; }));
    const showTarget = () => {
      const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (target && target.hidden) { filter.value = ''; apply(); target.scrollIntoView(); }
    };
    addEventListener('hashchange', showTarget);
  }
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = all('details:not([open])');
    for (const each of opened) each.open = true;
  });
  addEventListener('afterprint', () => {
    for (const each of opened) each.open = false;
  });
})();
`;
