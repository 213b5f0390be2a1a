import { Amplify } from "aws-amplify";
import { fetchAuthSession, getCurrentUser, signOut } from "aws-amplify/auth";
import { ConsoleLogger } from "aws-amplify/utils";
import type { Config } from "./config.ts";
import { needsSignIn } from "./trouble.ts";

/** Tells Amplify where the stack is; everything after it asks there. */
export function configure(config: Config): void {
  const { UserPoolId: userPoolId, UserPoolClientId: userPoolClientId, CognitoUrl, ApiKey: apiKey } = config;
  if (CognitoUrl) ConsoleLogger.LOG_LEVEL = "ERROR"; // it warns of an endpoint that is not AWS's own
  const endpoint = CognitoUrl && { userPoolEndpoint: new URL(CognitoUrl, document.baseURI).href };
  Amplify.configure({
    API: {
      GraphQL: {
        endpoint: config.GraphqlUrl,
        region: config.Region,
        ...(apiKey ? { defaultAuthMode: "apiKey", apiKey } : { defaultAuthMode: "userPool" }),
      },
    },
    ...(userPoolId && userPoolClientId && { Auth: { Cognito: { userPoolId, userPoolClientId, ...endpoint } } }),
  });
}

/** Who is signed in, by the name they typed; null for nobody. Refreshes a session that has run out of time. */
export async function currentUser(): Promise<string | null> {
  const session = await fetchAuthSession().catch((error) => {
    if (needsSignIn(error)) return { tokens: undefined };
    throw error;
  });
  if (!session.tokens) return null;
  const user = await getCurrentUser();
  return user.signInDetails?.loginId ?? user.username;
}

export { signOut };
