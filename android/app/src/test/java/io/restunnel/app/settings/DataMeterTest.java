package io.restunnel.app.settings;

import static org.junit.Assert.assertEquals;

import android.content.Context;
import android.content.SharedPreferences;
import io.restunnel.app.TestApp;
import java.time.LocalDate;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;

@RunWith(RobolectricTestRunner.class)
public final class DataMeterTest {
    private static final LocalDate LAST_OF_MONTH = LocalDate.of(2026, 11, 30);
    private static final LocalDate FIRST_OF_NEXT = LocalDate.of(2026, 12, 1);

    private final SharedPreferences stored = TestApp.get().getSharedPreferences("test", Context.MODE_PRIVATE);
    private DataMeter meter = new DataMeter(stored);

    @Test
    public void countsMobileDataAloneAgainstTheMonth() {
        meter.countDevice(LAST_OF_MONTH, 1_000, true);
        meter.countDevice(LAST_OF_MONTH, 1_500, true);
        meter.countDevice(LAST_OF_MONTH, 9_000, false);
        meter.countDevice(LAST_OF_MONTH, 9_100, true);
        assertEquals(600, meter.mobileBytes(LAST_OF_MONTH));
    }

    @Test
    public void aNewMonthBeginsAtNothing() {
        meter.countDevice(LAST_OF_MONTH, 0, true);
        meter.countDevice(LAST_OF_MONTH, 700, true);
        assertEquals(0, meter.mobileBytes(FIRST_OF_NEXT));
        meter.countDevice(FIRST_OF_NEXT, 800, true);
        assertEquals(100, meter.mobileBytes(FIRST_OF_NEXT));
    }

    @Test
    public void goesOnAfterTheProcessWasEnded() {
        meter.countDevice(LAST_OF_MONTH, 100, true);
        meter.countDevice(LAST_OF_MONTH, 300, true);
        meter.countHub(LAST_OF_MONTH, "hub", 40);
        meter.save();
        meter = new DataMeter(stored);
        // What the process sent before it was ended, and nobody had counted.
        meter.countDevice(LAST_OF_MONTH, 350, true);
        meter.countHub(LAST_OF_MONTH, "hub", 10);
        assertEquals(250, meter.mobileBytes(LAST_OF_MONTH));
        assertEquals(50, meter.hubBytes(LAST_OF_MONTH, "hub"));
    }

    @Test
    public void goesOnAfterThePhoneStartedAnew() {
        meter.countDevice(LAST_OF_MONTH, 100, true);
        meter.countDevice(LAST_OF_MONTH, 300, true);
        meter.countDevice(LAST_OF_MONTH, 20, true);
        assertEquals(220, meter.mobileBytes(LAST_OF_MONTH));
    }

    @Test
    public void countsEachHubByTheDay() {
        meter.countHub(LAST_OF_MONTH, "a", 10);
        meter.countHub(LAST_OF_MONTH, "a", 30);
        meter.countHub(LAST_OF_MONTH, "b", 5);
        assertEquals(30, meter.hubBytes(LAST_OF_MONTH, "a"));
        assertEquals(35, meter.allHubsBytes(LAST_OF_MONTH));
        meter.countHub(FIRST_OF_NEXT, "a", 37);
        assertEquals(7, meter.allHubsBytes(FIRST_OF_NEXT));
        meter.nodeEnded();
        meter.countHub(FIRST_OF_NEXT, "a", 100);
        assertEquals(107, meter.hubBytes(FIRST_OF_NEXT, "a"));
        meter.forgetHub("a");
        assertEquals(0, meter.allHubsBytes(FIRST_OF_NEXT));
    }
}
