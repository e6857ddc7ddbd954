/** Standard base64. Checked because Node decodes any text. */
export const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Base64 among other words of a text. Shorter ones hold no reference. */
export const BASE64_IN_TEXT = /[A-Za-z0-9+/]{16,}={0,2}/g;
