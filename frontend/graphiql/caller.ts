import type { GraphiQL } from "graphiql";
import type { ComponentProps } from "react";
import { containsSignature } from "../src/signed-url.ts";

const SIGNED = "The request contains a signed URL. Use the name of the file instead.";

type Fetcher = ComponentProps<typeof GraphiQL>["fetcher"];

/** Who sends the requests. The secret is kept in memory only: reloading the page signs out. */
export type Caller =
  | { kind: "signed out" }
  | { kind: "demo user"; secret: string }
  | { kind: "token"; secret: string }
  | { kind: "API key"; secret: string };

/** Return the demo user, signed in; throws the server's reason if that is refused. */
export async function signInAsDemoUser(): Promise<Caller> {
  const response = await fetch("./demo-token");
  if (!response.ok) throw new Error(await response.text());
  return { kind: "demo user", secret: ((await response.json()) as { token: string }).token };
}

/** Return the function that sends GraphiQL's requests for this caller. */
export function fetcherFor(caller: Caller): Fetcher {
  const headers = { "content-type": "application/json", ...authorization(caller) };
  return async ({ query, variables, operationName }) => {
    // GraphiQL notices a new operation name only after a pause in typing: the old one is not sent.
    const name = operationName && query.includes(operationName) ? operationName : undefined;
    if (containsSignature(query + JSON.stringify(variables))) throw new Error(SIGNED);
    const body = JSON.stringify({ query, variables, operationName: name });
    const response = await fetch("./graphql", { method: "POST", headers, body });
    return response.json();
  };
}

function authorization(caller: Caller): Record<string, string> {
  if (caller.kind === "signed out") return {};
  return { [caller.kind === "API key" ? "x-api-key" : "authorization"]: caller.secret };
}
