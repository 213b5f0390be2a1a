import { PageError, unreachable } from "./page-error.ts";

/** The endpoints of the stack, named as its outputs. */
export type Config = {
  GraphqlUrl: string;
  CdnUrl: string;
  Region: string;
  /** The pool whose users may call the API; not needed with an API key. */
  UserPoolId?: string;
  UserPoolClientId?: string;
  ApiKey?: string;
  /** The endpoint of Cognito, if it is not AWS; may be relative to the page. */
  CognitoUrl?: string;
  /** Where the content of uploads is sent; without it there are no uploads. */
  UploadsUrl?: string;
  /** A user to sign in as with one click; only on a local stack. */
  DemoUser?: string;
  DemoPassword?: string;
};

const ADVICE =
  "The administrator of this page must provide it: a JSON object with the stack's outputs GraphqlUrl, CdnUrl, Region, " +
  "and either UserPoolId and UserPoolClientId, or ApiKey.";

const OPTIONAL = ["UserPoolId", "UserPoolClientId", "ApiKey", "CognitoUrl", "UploadsUrl", "DemoUser", "DemoPassword"];
const LONGEST_WAIT = 30_000;

/** Return the configuration served with the page. Throws PageError if it is missing or not usable. */
export async function readConfig(): Promise<Config> {
  const response = await fetch("./config.json", { signal: AbortSignal.timeout(LONGEST_WAIT) }).catch(() => {
    throw unreachable("This page's server");
  });
  if (response.status === 429 || response.status >= 500) {
    throw new PageError("This page's server is not available.", "Try again in a moment.", `HTTP ${response.status}`);
  }
  if (!response.ok) throw new PageError("This page has no config.json.", ADVICE, `HTTP ${response.status}`);
  const text = await response.text().catch(() => {
    throw unreachable("This page's server");
  });
  return parseConfig(text);
}

function parseConfig(text: string): Config {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new PageError("This page's config.json is not JSON.", ADVICE);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new PageError("This page's config.json is not a JSON object.", ADVICE);
  }
  const config = found as Record<string, unknown>;
  const missing = (names: string[]) => names.filter((name) => typeof config[name] !== "string" || !config[name]);
  const absent = missing(["GraphqlUrl", "CdnUrl", "Region"]);
  if (missing(["ApiKey"]).length) absent.push(...missing(["UserPoolId", "UserPoolClientId"]));
  if (absent.length)
    throw new PageError("This page's config.json is incomplete.", ADVICE, `Missing: ${absent.join(", ")}`);
  const mistyped = OPTIONAL.filter((name) => name in config && typeof config[name] !== "string");
  if (mistyped.length)
    throw new PageError("This page's config.json is not valid.", ADVICE, `Not a string: ${mistyped.join(", ")}`);
  for (const name of ["GraphqlUrl", "CdnUrl", "CognitoUrl", "UploadsUrl"]) {
    if (config[name] && !isWebAddress(String(config[name]), name === "CognitoUrl" ? document.baseURI : undefined)) {
      throw new PageError("This page's config.json contains an invalid URL.", ADVICE, `${name}: ${config[name]}`);
    }
  }
  if (config["UserPoolId"] && !/^[\w-]+_[0-9A-Za-z]+$/.test(String(config["UserPoolId"]))) {
    const detail = `UserPoolId must look like us-east-1_AbCdEfGhI, not ${config["UserPoolId"]}`;
    throw new PageError("This page's config.json is not valid.", ADVICE, detail);
  }
  return found as Config;
}

function isWebAddress(text: string, base?: string): boolean {
  return URL.canParse(text, base) && /^https?:$/.test(new URL(text, base).protocol);
}
