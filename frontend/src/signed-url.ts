/** Return when a signed URL expires, in milliseconds since 1970; Infinity if it does not say so. */
export function expiryOf(url: string): number {
  return Number(new URL(url).searchParams.get("Expires")) * 1000 || Number.POSITIVE_INFINITY;
}

/** Return whether a signed URL has expired, by this device's clock. */
export function isExpired(url: string): boolean {
  return expiryOf(url) <= Date.now();
}

/** Return whether a text contains the signature of a URL, also if it is percent-encoded: it must not be sent or kept. */
export function containsSignature(text: string): boolean {
  return /signature(=|%(25)*3d)[\w~+/%=-]{40}/i.test(text.replace(/\s/g, ""));
}
