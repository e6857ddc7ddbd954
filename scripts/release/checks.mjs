/** Runs checks, prints a line for each, and counts them. */
export class Checks {
  passed = 0;
  failed = 0;

  /**
   * @param {string} name what is checked
   * @param {() => Promise<string | void>} check returns a detail for the line
   * @returns whether it passed; the next check runs in any case
   */
  async run(name, check) {
    const started = performance.now();
    const time = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
    try {
      const detail = await check();
      this.passed++;
      console.log(`ok: ${name} (${detail ? `${detail}, ` : ''}${time()})`);
      return true;
    } catch (error) {
      this.failed++;
      console.log(`FAILED: ${name} (${time()}): ${error.message.trim().replaceAll('\n', '\n  ')}`);
      return false;
    }
  }
}
