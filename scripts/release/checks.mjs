/** Runs checks, prints a line for each, and counts them. Those that cannot run here are listed too. */
export class Checks {
  passed = 0;
  failed = 0;
  notRun = 0;

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

  /**
   * @param {string} name what is not checked
   * @param {string} reason
   */
  skip(name, reason) {
    this.notRun++;
    console.log(`not run: ${name}: ${reason}`);
  }

  /** @returns the last line: how many passed, failed and did not run */
  summary() {
    const notRun = this.notRun > 0 ? `, ${this.notRun} not run` : '';
    return `release: ${this.passed} checks passed, ${this.failed} failed${notRun}`;
  }
}
