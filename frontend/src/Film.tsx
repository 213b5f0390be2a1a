import Hls, { type MediaPlaylist } from "hls.js";
import { useEffect, useRef, useState } from "react";
import { ErrorMessage } from "./ErrorMessage.tsx";
import { playerOf } from "./film-player.ts";
import { Notice } from "./Notice.tsx";
import { SessionEnded } from "./page-error.ts";
import { shown } from "./wording.ts";
import "./film.css";

type Props = {
  name: string;
  /** A signed URL of the playlist. */
  url: string;
  onSessionEnded: (error: SessionEnded) => void;
};

/** Plays an HLS film: every part of it has a signed URL of its own. */
export default function Film({ name, url, onSessionEnded }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const player = useRef<Hls | null>(null);
  const first = useRef(url); // this component renews the URLs itself
  const ended = useRef(onSessionEnded);
  ended.current = onSessionEnded;
  const position = useRef({ time: -1, playing: false }); // -1: where the film starts
  const [sounds, setSounds] = useState<MediaPlaylist[]>([]);
  const [sound, setSound] = useState(-1);
  const [thrown, setThrown] = useState<unknown>(null);

  useEffect(() => {
    const element = video.current;
    if (!element) return;
    const hls = playerOf(first.current, position.current.time, (error) => {
      if (player.current !== hls) return;
      position.current = { time: element.currentTime || -1, playing: !element.paused };
      close();
      if (error instanceof SessionEnded) ended.current(error);
      else setThrown(error);
    });
    const close = () => {
      player.current = null;
      hls.destroy();
    };
    player.current = hls;
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, (_, { audioTracks }) => setSounds(audioTracks));
    hls.on(Hls.Events.AUDIO_TRACK_SWITCHING, (_, { id }) => setSound(id));
    hls.attachMedia(element);
    if (position.current.playing) element.play().catch(() => {}); // the browser may want a click
    return close;
  }, [thrown]);

  if (!Hls.isSupported()) {
    return (
      <Notice
        title="This browser cannot play films that consist of several files (HLS)."
        advice="Use a newer browser, on an iPhone iOS 17.1 or later. Or close this, select the folder of the film, and download it as a zip."
      />
    );
  }
  if (thrown !== null) return <ErrorMessage thrown={thrown} retry={() => setThrown(null)} />;
  return (
    <div className="film">
      <video ref={video} controls aria-label={name} />
      {sounds.length > 1 && (
        // Here the arrow keys choose a sound, not the next file.
        <label onKeyDown={(event) => event.stopPropagation()}>
          Sound
          <select
            value={sound}
            onChange={({ currentTarget: { value } }) => player.current && (player.current.audioTrack = Number(value))}
          >
            {sounds.map(({ name }, index) => (
              <option key={index} value={index}>
                {shown(name)}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}
