package io.restunnel.node.noise;

import java.security.Security;
import org.conscrypt.Conscrypt;
import org.junit.AfterClass;
import org.junit.BeforeClass;

/** The same with Conscrypt, from which a phone's cipher comes. */
public class PhonesCipherTest extends RecordCipherTest {
    @BeforeClass
    public static void usePhones() {
        Security.insertProviderAt(Conscrypt.newProviderBuilder().setName("phone").build(), 1);
    }

    @AfterClass
    public static void useTheJdks() {
        Security.removeProvider("phone");
    }
}
