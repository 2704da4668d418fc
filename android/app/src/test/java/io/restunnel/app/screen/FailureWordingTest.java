package io.restunnel.app.screen;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;

import android.content.Context;
import android.content.res.Configuration;
import io.restunnel.app.TestApp;
import io.restunnel.node.Failure;
import io.restunnel.node.Failure.Code;
import io.restunnel.node.UserException;
import java.io.IOException;
import java.util.Locale;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;

/** Every failure of the core has a sentence in each language, and none is the core's own English one. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 35)
public final class FailureWordingTest {
    private static Context in(String language) {
        Configuration configuration = new Configuration();
        configuration.setLocale(new Locale(language));
        return TestApp.get().createConfigurationContext(configuration);
    }

    @Test
    public void everyCodeIsSaidInBothLanguages() {
        for (Code code : Code.values()) {
            Failure failure = new Failure(code, "detail");
            String english = FailureWording.of(in("en"), failure);
            String german = FailureWording.of(in("de"), failure);
            assertNotEquals(code.name(), english, german);
            for (String sentence : new String[] {english, german}) assertFalse(sentence, sentence.contains("%"));
        }
    }

    @Test
    public void theDetailIsInIt() {
        assertTrue(FailureWording.of(in("de"), new Failure(Code.NAME_NOT_RESOLVED, "hub.example")).contains("hub.example"));
        assertTrue(FailureWording.of(in("de"), new UserException(Code.HUBS_FULL, 64)).contains("64"));
        assertEquals("the disk is full", FailureWording.of(in("de"), new IOException("the disk is full")));
    }
}
