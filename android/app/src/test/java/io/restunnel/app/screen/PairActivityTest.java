package io.restunnel.app.screen;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.Intent;
import android.content.pm.PackageManager;
import android.content.pm.ResolveInfo;
import android.net.Uri;
import android.view.View;
import android.widget.TextView;
import io.restunnel.app.R;
import io.restunnel.app.TestApp;
import io.restunnel.app.service.NodeService;
import io.restunnel.node.UserException;
import java.util.List;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;

@RunWith(RobolectricTestRunner.class)
public final class PairActivityTest {
    private final TestApp app = TestApp.get();

    private static Intent view(String link) {
        return new Intent(Intent.ACTION_VIEW, Uri.parse(link)).addCategory(Intent.CATEGORY_BROWSABLE);
    }

    private static String text(PairActivity screen, int id) {
        TextView view = screen.findViewById(id);
        return view.getVisibility() == View.VISIBLE ? view.getText().toString() : null;
    }

    @Test
    public void aLinkOpensItAndNoOtherScreen() {
        List<ResolveInfo> found = app.getPackageManager().queryIntentActivities(view(TestApp.LINK), PackageManager.MATCH_DEFAULT_ONLY);
        assertEquals(1, found.size());
        assertEquals(PairActivity.class.getName(), found.get(0).activityInfo.name);
        assertEquals(1, app.getPackageManager().queryIntentActivities(view("restunnel+wss://hub/"), PackageManager.MATCH_DEFAULT_ONLY).size());
    }

    @Test
    public void aLinkAlonePairsNothing() {
        try (ActivityController<PairActivity> screen = Robolectric.buildActivity(PairActivity.class, view(TestApp.LINK)).setup()) {
            TestApp.idle();
            assertEquals("hub.example.org:9000", text(screen.get(), R.id.pair_host));
            assertEquals("AAAA AAAA AAAA AAAA", text(screen.get(), R.id.pair_fingerprint));
            screen.newIntent(view(TestApp.LINK.replace("hub.example.org", "[2001:db8::1]")));
            assertEquals("[2001:db8::1]:9000", text(screen.get(), R.id.pair_host));
            assertEquals(0, app.made.size());
            assertNull(shadowOf(app).getNextStartedService());
            screen.get().findViewById(R.id.pair_cancel).performClick();
            assertTrue(screen.get().isFinishing());
            assertEquals(0, app.made.size());
        }
    }

    @Test
    public void aTapPairsAndStartsTheService() {
        try (ActivityController<PairActivity> screen = Robolectric.buildActivity(PairActivity.class, view(TestApp.LINK)).setup()) {
            View pair = screen.get().findViewById(R.id.pair_now);
            assertTrue(pair.getFilterTouchesWhenObscured());
            pair.performClick();
            TestApp.idle();
            assertTrue(app.node().calls.get(0), app.node().calls.get(0).startsWith("pair hub.example.org as "));
            assertEquals(NodeService.class.getName(), shadowOf(app).getNextStartedService().getComponent().getClassName());
            assertEquals(MainActivity.class.getName(), shadowOf(app).getNextStartedActivity().getComponent().getClassName());
            assertTrue(screen.get().isFinishing());
        }
    }

    @Test
    public void whatIsNoLinkCannotBeTapped() {
        for (String wrong : new String[] {"restunnel://hub.example.org/", "restunnel:", TestApp.LINK.replace("&t=", "&x=")}) {
            try (ActivityController<PairActivity> screen = Robolectric.buildActivity(PairActivity.class, view(wrong)).setup()) {
                assertEquals(View.GONE, screen.get().findViewById(R.id.pair_question).getVisibility());
                assertTrue(text(screen.get(), R.id.pair_problem).startsWith(wrong.equals("restunnel:") ? "This is no pairing link" : "Part of this link"));
                // A better one may come after it.
                screen.newIntent(view(TestApp.LINK));
                assertEquals("hub.example.org:9000", text(screen.get(), R.id.pair_host));
                assertNull(text(screen.get(), R.id.pair_problem));
            }
        }
    }

    @Test
    public void aLinkOfAnotherTransportIsSaidToBeOne() {
        String link = TestApp.LINK.replace("restunnel:", "restunnel+wss:");
        try (ActivityController<PairActivity> screen = Robolectric.buildActivity(PairActivity.class, view(link)).setup()) {
            assertEquals(View.GONE, screen.get().findViewById(R.id.pair_question).getVisibility());
            assertTrue(text(screen.get(), R.id.pair_problem).startsWith("This link asks for the connection “wss”, which this version"));
        }
    }

    @Test
    public void aFailingKeystoreIsSaid() {
        app.keystore.fails = true;
        try (ActivityController<PairActivity> screen = Robolectric.buildActivity(PairActivity.class, view(TestApp.LINK)).setup()) {
            screen.get().findViewById(R.id.pair_now).performClick();
            TestApp.idle();
            assertTrue(text(screen.get(), R.id.pair_problem).startsWith("This phone’s Keystore refuses to work."));
            assertEquals(0, app.getNoBackupFilesDir().listFiles().length);
            assertNull(shadowOf(app).getNextStartedService());
            app.keystore.fails = false;
            screen.get().findViewById(R.id.pair_now).performClick();
            TestApp.idle();
            assertTrue(screen.get().isFinishing());
        }
    }

    @Test
    public void aKnownHubIsNamedAsSuch() throws UserException {
        TestApp.paired();
        try (ActivityController<PairActivity> screen = Robolectric.buildActivity(PairActivity.class, view(TestApp.LINK)).setup()) {
            assertEquals(View.VISIBLE, screen.get().findViewById(R.id.pair_known).getVisibility());
        }
    }

    @Test
    @Config(qualifiers = "de", sdk = 35)
    public void speaksGerman() {
        try (ActivityController<PairActivity> screen = Robolectric.buildActivity(PairActivity.class, view(TestApp.LINK)).setup()) {
            assertEquals("Mit diesem Hub koppeln", text(screen.get(), R.id.pair_now));
            assertEquals("Mit einem Hub koppeln?", screen.get().getTitle().toString());
        }
    }
}
