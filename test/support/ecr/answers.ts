import type { Answer } from './state.ts';

/** An error in the distribution API's form. */
export function refusal(status: number, code: string, message: string): Answer {
  return json(status, { errors: [{ code, message }] });
}

/** A JSON response. */
export function json(status: number, value: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8' }, body: JSON.stringify(value) };
}
