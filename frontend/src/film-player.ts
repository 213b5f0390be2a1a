import Hls, { type ErrorData, type HlsConfig, type LevelDetails, type LoaderResponse } from "hls.js";
import { parseUrl } from "./api-response.ts";
import { open, Undisplayable } from "./file-request.ts";
import { requestUrls } from "./files.ts";
import { FilmUrls } from "./film-urls.ts";
import { refused } from "./graphql.ts";
import { PageError, unreachable } from "./page-error.ts";
import { shown } from "./wording.ts";

const BUFFERED = 60; // seconds; hls.js would load ten minutes of a film that nobody has started
const RECOVERED_AT_MOST_EVERY = 10_000; // milliseconds

/** Return a player of the film whose playlist this signed URL opens. If it cannot go on, it calls `onFailed`. */
export function playerOf(url: string, startPosition: number, onFailed: (error: unknown) => void): Hls {
  const urls = new FilmUrls(url, urlsOf);
  let recoveredAt = Number.NEGATIVE_INFINITY;
  let refusedForGood = false; // the last request

  function add(addresses: string[]) {
    try {
      urls.add(addresses);
    } catch (error) {
      onFailed(error);
    }
  }

  const hls = new Hls({
    ...loadPolicies(({ code = 0, url }) => {
      const mayHelp = code === 403 && urls.renew(url);
      refusedForGood = code >= 400 && code < 500 && !mayHelp;
      return mayHelp;
    }),
    startPosition,
    maxMaxBufferLength: BUFFERED,
    enableWorker: false, // the policy of this page forbids it, and the parser of IMSC1
    enableIMSC1: false,
    enableInterstitialPlayback: false, // advertisements
    async xhrSetup(xhr, address) {
      try {
        xhr.open("GET", await urls.signed(address));
      } catch (error) {
        if (error instanceof PageError) onFailed(error);
        throw error; // without a connection, the player tries again
      }
    },
  });
  hls.on(Hls.Events.MANIFEST_LOADED, (_, { levels, audioTracks, subtitles = [] }) =>
    add([...levels, ...audioTracks, ...subtitles].map(({ url }) => url).filter(Boolean)),
  );
  hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => add(addressesIn(details)));
  hls.on(Hls.Events.AUDIO_TRACK_LOADED, (_, { details }) => add(addressesIn(details)));
  hls.on(Hls.Events.SUBTITLE_TRACK_LOADED, (_, { details }) => add(addressesIn(details)));
  hls.on(Hls.Events.ERROR, (_, data) => {
    // Without another quality to switch to, hls.js would retry a refused file six times.
    const isLeft = data.frag?.type === "main" && data.frag.level !== hls.loadLevel; // for another quality
    const isLost = refusedForGood && data.errorAction?.nextAutoLevel === undefined && !isLeft;
    refusedForGood = false;
    if (!data.fatal && !isLost) return;
    const isMedia = data.type === Hls.ErrorTypes.MEDIA_ERROR && hls.levels.length > 0;
    if (isMedia && performance.now() - recoveredAt > RECOVERED_AT_MOST_EVERY) {
      recoveredAt = performance.now();
      hls.recoverMediaError();
    } else {
      void reasonOf(data, urls).then(onFailed);
    }
  });
  hls.loadSource(url.replace(/\?.*/, ""));
  return hls;
}

/** Return the addresses in a playlist, in the order in which a player needs them. */
function addressesIn({ fragments }: LevelDetails): string[] {
  return fragments.flatMap(({ initSegment, levelkeys = {}, url }) =>
    [initSegment?.url, ...Object.values(levelkeys).map((key) => key?.uri), url].filter((address) => !!address),
  ) as string[];
}

async function urlsOf(names: string[]): Promise<(string | PageError)[]> {
  const entries = await requestUrls(names, null);
  return names.map((name, index) => {
    const { url, errorType, errorMessage } = entries[index] ?? {};
    if (errorType === "NotAllowed") {
      return new PageError(
        "You have no access to a part of this film.",
        "Ask your administrator if you need it:",
        name,
      );
    }
    return parseUrl(url) ?? refused({ errorType, message: `${errorMessage} (${name})` });
  });
}

/** Return when to request something again: when hls.js does, and if `mayHelp` says so of a response. */
function loadPolicies(mayHelp: (response: LoaderResponse) => boolean): Partial<HlsConfig> {
  const names = ["manifestLoadPolicy", "playlistLoadPolicy", "fragLoadPolicy", "keyLoadPolicy"] as const;
  const policies = names.map((name) => {
    const policy = Hls.DefaultConfig[name].default;
    const errorRetry: typeof policy.errorRetry = policy.errorRetry && {
      ...policy.errorRetry,
      shouldRetry: (_config, _count, _isTimeout, response, retry) =>
        retry || (response !== undefined && mayHelp(response)),
    };
    return [name, { default: { ...policy, errorRetry } }];
  });
  return Object.fromEntries(policies);
}

/** Return why a film stopped. */
async function reasonOf({ type, details, response }: ErrorData, urls: FilmUrls): Promise<unknown> {
  if (type !== Hls.ErrorTypes.NETWORK_ERROR) return new Undisplayable();
  if (!response) return /timeout/i.test(details) ? unreachable("A part of the film") : new Undisplayable();
  try {
    await (await open(await urls.signed(response.url), 1)).body?.cancel();
    return response.code === 0 ? unreachable("A part of the film") : new Undisplayable();
  } catch (error) {
    if (!(error instanceof PageError)) return error;
    const name = decodeURIComponent(new URL(response.url).pathname.slice(1));
    return new PageError(`${shown(name)}: ${error.message}`, error.advice, error.detail);
  }
}
