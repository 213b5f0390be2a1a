import { Trouble, unreachable } from "./trouble.ts";

/** Where the stack is; the keys are those of its outputs. */
export type Config = {
  GraphqlUrl: string;
  CdnUrl: string;
  Region: string;
  /** Without an API key, who may ask is a user of this pool. */
  UserPoolId?: string;
  UserPoolClientId?: string;
  ApiKey?: string;
  /** Where Cognito answers, if not at AWS; may be relative to the page. */
  CognitoUrl?: string;
  /** A user to sign in as with one click; on a machine of one's own only. */
  DemoUser?: string;
  DemoPassword?: string;
};

const ADVICE =
  "Whoever runs this page puts it there: a JSON object of the stack's outputs GraphqlUrl, CdnUrl, Region, " +
  "and UserPoolId and UserPoolClientId, or ApiKey.";

/** The configuration beside the page; throws Trouble where it is missing or not usable. */
export async function readConfig(): Promise<Config> {
  const response = await fetch("./config.json").catch(() => {
    throw unreachable("This page's server");
  });
  if (!response.ok) throw new Trouble("This page has no config.json.", ADVICE, `HTTP ${response.status}`);
  return parseConfig(await response.text());
}

function parseConfig(text: string): Config {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Trouble("This page's config.json is not JSON.", ADVICE);
  }
  const config = (found ?? {}) as Record<string, unknown>;
  const missing = (names: string[]) => names.filter((name) => typeof config[name] !== "string" || !config[name]);
  const absent = missing(["GraphqlUrl", "CdnUrl", "Region"]);
  if (missing(["ApiKey"]).length) absent.push(...missing(["UserPoolId", "UserPoolClientId"]));
  if (absent.length)
    throw new Trouble("This page's config.json is incomplete.", ADVICE, `Missing: ${absent.join(", ")}`);
  for (const name of ["GraphqlUrl", "CdnUrl"]) {
    if (!URL.canParse(String(config[name]))) {
      throw new Trouble("This page's config.json names no usable address.", ADVICE, `${name}: ${config[name]}`);
    }
  }
  return found as Config;
}
