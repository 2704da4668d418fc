package io.restunnel.app.node;

import android.os.SystemClock;
import io.restunnel.node.Clock;

/** Goes on while the phone sleeps, unlike System.nanoTime(). */
final class PhoneClock implements Clock {
    @Override
    public long elapsedMs() {
        return SystemClock.elapsedRealtime();
    }

    @Override
    public long wallMs() {
        return System.currentTimeMillis();
    }
}
