import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isMapping } from '../base/mapping.ts';
import { SECRET_FILE } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import { textBefore } from '../base/text-trim.ts';
import { parseValues } from '../discovery/nested/index.ts';
import type { RenderOptions } from '../helm/render.ts';

/** Returns a replacement for a given text, or the same text. */
type TextChange = (text: string) => string;

/**
 * The values that a user gives to a chart, as written by the user. The rendered values are no evidence, because a
 * template can change the values that other templates see.
 */
export class GivenValues {
  readonly #options: RenderOptions;
  /** Contents of values files, and of files given with `--set-file`, in order. */
  readonly #files: readonly unknown[];
  readonly #contents: readonly string[];

  private constructor(options: RenderOptions, files: readonly unknown[], contents: readonly string[]) {
    this.#options = options;
    this.#files = files;
    this.#contents = contents;
  }

  /**
   * Reads the given values; undefined if they are not local, such as URLs.
   * @param cwd absolute base of relative paths
   */
  static async read(options: RenderOptions, cwd: string): Promise<GivenValues | undefined> {
    try {
      const texts = (paths: readonly string[]): Promise<string[]> =>
        Promise.all(paths.map((path) => readFile(resolve(cwd, path), 'utf8')));
      const files = (await texts(options.values ?? [])).map((text) => (text.trim() === '' ? {} : parseValues(text)));
      const contents = await texts((options.setFile ?? []).map((entry) => entry.replace(/^[^=]*=/, '')));
      return files.every(isMapping) ? new GivenValues(options, files, contents) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Returns every text in the given values. */
  texts(): string[] {
    const found: string[] = [];
    this.#mapTexts((text) => {
      found.push(text);
      return text;
    });
    return found;
  }

  /**
   * Returns the options with replaced texts.
   * @param folder for values files; created if missing
   */
  async withTexts(change: TextChange, folder: string): Promise<RenderOptions> {
    const { files, contents, ...options } = this.#mapTexts(change);
    await mkdir(folder, { recursive: true });
    const write = async (name: string, text: string): Promise<string> => {
      await writeFile(join(folder, name), text, { mode: SECRET_FILE });
      return join(folder, name);
    };
    const values = await Promise.all(files.map((file, i) => write(`values-${i}.json`, jsonText(file))));
    const paths = await Promise.all(contents.map((text, i) => write(`file-${i}`, text)));
    const setFile = (this.#options.setFile ?? []).map((entry, i) => `${textBefore(entry, '=')}=${paths[i]}`);
    return { ...this.#options, ...options, values, setFile };
  }

  #mapTexts(change: TextChange): { files: unknown[]; contents: string[] } & RenderOptions {
    const { set = [], setString = [], setLiteral = [], setJson = [] } = this.#options;
    const changeValue = (entry: string, changeText: TextChange): string => {
      const key = textBefore(entry, '=');
      return key === entry ? entry : `${key}=${changeText(entry.slice(key.length + 1))}`;
    };
    const literal = (entry: string): string => changeValue(entry, change);
    // In `a=b,c={d,e}` the values are between equals signs, commas and braces.
    const pairs = (entry: string): string =>
      entry.replace(/([=,{])((?:\\.|[^=,{}\\])+)(?=[,}]|$)/gs, (_, sign: string, text: string) => sign + change(text));
    const json = (entry: string): string => changeValue(entry, (text) => jsonText(mapTexts(JSON.parse(text), change)));
    return {
      files: this.#files.map((file) => mapTexts(file, change)),
      contents: this.#contents.map(change),
      set: set.map(pairs),
      setString: setString.map(pairs),
      setLiteral: setLiteral.map(literal),
      setJson: setJson.map(json),
    };
  }
}

function mapTexts(value: unknown, change: TextChange): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]));
}
