package io.restunnel.app.keys;

import android.security.keystore.KeyGenParameterSpec;
import android.security.keystore.StrongBoxUnavailableException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.Key;
import java.security.KeyStoreSpi;
import java.security.Provider;
import java.security.ProviderException;
import java.security.SecureRandom;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.spec.AlgorithmParameterSpec;
import java.util.Collections;
import java.util.Date;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.KeyGeneratorSpi;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/** Stands in for the provider AndroidKeyStore, which Robolectric lacks: keeps AES keys in memory, and can refuse. */
@SuppressWarnings("serial")
public final class FakeKeystore extends Provider {
    public final Map<String, Key> keys = new HashMap<>();
    /** How the last key was ordered. */
    public KeyGenParameterSpec ordered;
    public boolean isStrongBoxFull;
    public boolean fails;

    private FakeKeystore() {
        super("AndroidKeyStore", "1", "for tests");
        putService(new Made("KeyStore", "AndroidKeyStore"));
        putService(new Made("KeyGenerator", "AES"));
    }

    /** In place of the one of the test before. */
    public static FakeKeystore install() {
        Security.removeProvider("AndroidKeyStore");
        FakeKeystore keystore = new FakeKeystore();
        Security.addProvider(keystore);
        return keystore;
    }

    private final class Made extends Service {
        Made(String type, String algorithm) {
            super(FakeKeystore.this, type, algorithm, FakeKeystore.class.getName(), List.of(), Map.of());
        }

        @Override
        public Object newInstance(Object parameter) {
            return getType().equals("KeyStore") ? new Store() : new Generator();
        }
    }

    private void failIfAsked() {
        if (fails) throw new ProviderException("the keystore daemon is dead");
    }

    private final class Generator extends KeyGeneratorSpi {
        @Override
        protected void engineInit(AlgorithmParameterSpec spec, SecureRandom random) {
            failIfAsked();
            ordered = (KeyGenParameterSpec) spec;
        }

        @Override
        protected SecretKey engineGenerateKey() {
            if (ordered.isStrongBoxBacked() && isStrongBoxFull) throw new StrongBoxUnavailableException("full");
            byte[] bytes = new byte[ordered.getKeySize() / 8];
            new SecureRandom().nextBytes(bytes);
            SecretKey key = new SecretKeySpec(bytes, "AES");
            keys.put(ordered.getKeystoreAlias(), key);
            return key;
        }

        @Override
        protected void engineInit(SecureRandom random) {
            throw new UnsupportedOperationException();
        }

        @Override
        protected void engineInit(int keysize, SecureRandom random) {
            throw new UnsupportedOperationException();
        }
    }

    private final class Store extends KeyStoreSpi {
        @Override
        public Key engineGetKey(String alias, char[] password) {
            failIfAsked();
            return keys.get(alias);
        }

        @Override
        public void engineDeleteEntry(String alias) {
            failIfAsked();
            keys.remove(alias);
        }

        @Override
        public void engineLoad(InputStream stream, char[] password) {
        }

        @Override
        public Enumeration<String> engineAliases() {
            return Collections.enumeration(keys.keySet());
        }

        @Override
        public boolean engineContainsAlias(String alias) {
            return keys.containsKey(alias);
        }

        @Override
        public int engineSize() {
            return keys.size();
        }

        @Override
        public boolean engineIsKeyEntry(String alias) {
            return keys.containsKey(alias);
        }

        @Override
        public boolean engineIsCertificateEntry(String alias) {
            return false;
        }

        @Override
        public Certificate[] engineGetCertificateChain(String alias) {
            return null;
        }

        @Override
        public Certificate engineGetCertificate(String alias) {
            return null;
        }

        @Override
        public String engineGetCertificateAlias(Certificate certificate) {
            return null;
        }

        @Override
        public Date engineGetCreationDate(String alias) {
            return null;
        }

        @Override
        public void engineSetKeyEntry(String alias, Key key, char[] password, Certificate[] chain) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void engineSetKeyEntry(String alias, byte[] key, Certificate[] chain) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void engineSetCertificateEntry(String alias, Certificate certificate) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void engineStore(OutputStream stream, char[] password) {
            throw new UnsupportedOperationException();
        }
    }
}
