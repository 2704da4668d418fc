// What a session has carried since it began.

export class Counters {
  recordsReceived = 0;
  /** Payload of DATA and DATAGRAM frames. */
  dataBytesSent = 0;
  dataBytesReceived = 0;
  streamsOpened = 0;
  datagramsSent = 0;
  datagramsReceived = 0;
  /** In either direction: no room, or over the rate. */
  datagramsDropped = 0;
}
