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
  /** A user to sign in as with one click; only on a local stack. */
  DemoUser?: string;
  DemoPassword?: string;
};

const ADVICE =
  "The administrator of this page must provide it: a JSON object with the stack's outputs GraphqlUrl, CdnUrl, Region, " +
  "and either UserPoolId and UserPoolClientId, or ApiKey.";

/** Return the configuration served with the page. Throws PageError if it is missing or not usable. */
export async function readConfig(): Promise<Config> {
  const response = await fetch("./config.json").catch(() => {
    throw unreachable("This page's server");
  });
  if (!response.ok) throw new PageError("This page has no config.json.", ADVICE, `HTTP ${response.status}`);
  return parseConfig(await response.text());
}

function parseConfig(text: string): Config {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new PageError("This page's config.json is not JSON.", ADVICE);
  }
  const config = (found ?? {}) as Record<string, unknown>;
  const missing = (names: string[]) => names.filter((name) => typeof config[name] !== "string" || !config[name]);
  const absent = missing(["GraphqlUrl", "CdnUrl", "Region"]);
  if (missing(["ApiKey"]).length) absent.push(...missing(["UserPoolId", "UserPoolClientId"]));
  if (absent.length)
    throw new PageError("This page's config.json is incomplete.", ADVICE, `Missing: ${absent.join(", ")}`);
  for (const name of ["GraphqlUrl", "CdnUrl"]) {
    if (!URL.canParse(String(config[name]))) {
      throw new PageError("This page's config.json contains an invalid URL.", ADVICE, `${name}: ${config[name]}`);
    }
  }
  return found as Config;
}
