import { Amplify } from "aws-amplify";
import { fetchAuthSession, getCurrentUser, signOut } from "aws-amplify/auth";
import { ConsoleLogger } from "aws-amplify/utils";
import type { Config } from "./config.ts";
import { needsSignIn } from "./page-error.ts";
import { signInError } from "./sign-in-errors.ts";

/** Configure Amplify for the stack. */
export function configure(config: Config): void {
  const { UserPoolId: userPoolId, UserPoolClientId: userPoolClientId, CognitoUrl, ApiKey: apiKey } = config;
  if (CognitoUrl) ConsoleLogger.LOG_LEVEL = "ERROR"; // it warns about endpoints outside AWS
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

/** Return the name of the signed-in user, as they typed it, or null. Refreshes an expired session. */
export async function currentUser(): Promise<string | null> {
  const session = await fetchAuthSession().catch((error) => {
    if (needsSignIn(error)) return { tokens: undefined };
    throw signInError(error);
  });
  if (!session.tokens) return null;
  const user = await getCurrentUser();
  return user.signInDetails?.loginId ?? user.username;
}

export { signOut };
